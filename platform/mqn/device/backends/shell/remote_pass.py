"""One process on a device behind a shell: started in its own session, killed by the device's own clock.

The device bounds it, not we: killing the local `adb shell` or `ssh` leaves what runs there alive.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mqn.device.backends.local.isolation import Ending, KillSwitch
from mqn.device.backends.shell.device_cache import DeviceCache
from mqn.device.backends.shell.shell import Shell, quote
from mqn.device.passes import MAX_RESULT_BYTES
from mqn.device.wire import Guard, Isolation
from mqn.errors import DeviceAwayError, DeviceRefusedError

# The numbers by which `timeout -s KILL` says that time was up: coreutils kills itself as well, toybox does not.
EXPIRED_CODES = (124, 137)
CLOCK_SECONDS = 0.05  # /proc/uptime tells hundredths
SIGNAL_BASE = 128
UNWRITABLE_CODE = 90  # of our own programs and scripts: the disk is full, for example
REMOVED = b"\n(folder removed)"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteEnd:
    """How a process on a device ended.

    Attributes:
        ending: as of a local one.
        output: what it wrote to its standard output, at most `MAX_RESULT_BYTES`.
        seconds: how long it ran.
    """

    ending: Ending
    output: bytes
    seconds: float


def remote_isolation(kind: str) -> Isolation:
    """The isolation of passes on a device behind a shell: far from the agent, but free on the device.

    Args:
        kind: how the device is reached, `adb` or `ssh`.
    """
    there = f"on the device it can do what {kind} may do there"
    return Isolation(
        guards=(
            Guard(name="environment", holds=True, how="the agent's variables do not travel to the device"),
            Guard(name="privileges", holds=False, how=there),
            Guard(name="network", holds=False, how="the device's own"),
            Guard(name="user", holds=False, how=f"the user that {kind} logs in as"),
            Guard(name="files", holds=False, how=f"the agent's are out of reach; {there}"),
            Guard(name="leftovers", holds=False, how="its group of processes is killed; what left the group lives on"),
            Guard(name="processes", holds=False, how="not bounded"),
        )
    )


def run_remotely(
    shell: Shell,
    cache: DeviceCache,
    command: Sequence[str],
    links: Mapping[str, str],
    timeout_seconds: float,
    switch: KillSwitch,
) -> RemoteEnd:
    """Run a command in a folder of its own on a device; the folder, and all that runs in it, is gone afterwards.

    Args:
        shell: to the device.
        cache: holds the files.
        command: its words; the folder is its current one.
        links: SHA-256 of each file that it finds in the folder, by its name there.
        timeout_seconds: wall-clock limit, rounded up to whole seconds, for BusyBox's `timeout` knows no others; then
            its whole process group is killed.
        switch: kills it from another thread.

    Returns:
        How it ended, by itself or by our clock.

    Raises:
        DeviceAwayError: the device cannot be reached, went away in the middle, or the switch was pulled.
        DeviceRefusedError: nothing can be written there.
    """
    folder = cache.open_folder()
    try:
        answer = shell.run(
            _compose(folder, command, links, timeout_seconds), timeout_seconds=timeout_seconds, switch=switch
        )
    except DeviceAwayError as away:
        try:
            cache.end_folder(folder)
        except DeviceAwayError as error:
            raise away from error  # the next pass removes it
        raise
    output, removed, _ = answer.output.rpartition(REMOVED)
    if removed:
        cache.forget_folder(folder)
    else:  # what should have removed it was killed as well
        output = answer.output
        cache.end_folder(folder)
    if answer.exit_code == UNWRITABLE_CODE:
        words = f": {answer.last_words}" if answer.last_words else ""
        raise DeviceRefusedError(f"{shell.address}: {shell.home} cannot be written{words}; free some space there")
    expired = answer.exit_code in EXPIRED_CODES and answer.seconds >= math.ceil(timeout_seconds) - CLOCK_SECONDS
    code = answer.exit_code if answer.exit_code <= SIGNAL_BASE else SIGNAL_BASE - answer.exit_code
    return RemoteEnd(
        ending=Ending(returncode=code, timed_out=expired, last_words=answer.last_words),
        output=output,
        seconds=answer.seconds,
    )


def _compose(folder: str, command: Sequence[str], links: Mapping[str, str], timeout_seconds: float) -> str:
    unwritable, seconds = UNWRITABLE_CODE, math.ceil(timeout_seconds)
    lend = "; ".join(
        f"ln ../cache/{sha256} {quote(name)} 2>/dev/null || cp ../cache/{sha256} {quote(name)} || exit {unwritable}"
        for name, sha256 in links.items()
    )
    start = f'echo $$ > group || exit {unwritable}; exec timeout -s KILL {seconds} "$@" > answer 2> errors'
    # A command that follows keeps sh from becoming setsid itself, which would then fork and return at once.
    return f"""cd {folder} || exit {unwritable}
{lend}
setsid sh -c {quote(start)} sh {quote(*command)} < /dev/null
code=$?
read -r group < group && kill -s KILL -- -$group 2>/dev/null
words=$(tail -c 4096 errors | sed -n '/^ERROR/p' | tail -n 1)
[ -n "$words" ] || words=$(tail -c 4096 errors | tail -n 1)
printf '%s\\n' "$words" >&2
head -c {MAX_RESULT_BYTES} answer
cd / && rm -rf {folder} && printf '%s' '{REMOVED.decode()}'
exit $code"""
