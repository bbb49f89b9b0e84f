"""A shell on another device: scripts with an exit code, files pushed, a lost connection told from a failed command.

Whatever carries the commands (OpenSSH, adb), its own exit code says little: ssh's 255 may be the command's, and a dying
adb may answer 0. So every script is framed by two lines with a random mark; without the last one it did not end.
What comes back comes over standard output.
"""

from __future__ import annotations

import secrets
import shlex
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mqn.device.backends.local.isolation import KillSwitch, run_isolated
from mqn.errors import DeviceAwayError, DeviceRefusedError

GRACE_SECONDS = 45.0
"""How much longer than a script's own time its answer may take: a network that is cut for 30 s is waited for."""

SLOWEST_PUSH_BYTES_PER_SECOND = 500_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a script came to.

    Attributes:
        exit_code: its own, 0 to 255.
        output: what it wrote to its standard output.
        seconds: how long it ran, by the device's monotonic clock.
        last_words: the last line of its standard error; empty if none.
    """

    exit_code: int
    output: bytes
    seconds: float
    last_words: str


class Shell(ABC):
    """A shell on a device. Subclasses say how to reach it."""

    kind: str
    """How it is reached: `ssh`, `adb`, ..."""

    refusals: tuple[str, ...] = ()
    """What the carrier says when the device is there and says no: another try will not help."""

    def __init__(self, address: str, home: str, folder: Path) -> None:
        """Remember where the device is.

        `address` is for messages. `home` is a folder on the device, as a word that its `sh` may expand, such as
        `"$HOME"/.cache/mqn-device`. `folder` on this machine is for what comes back.
        """
        self.address, self.home, self._folder = address, home, folder

    @abstractmethod
    def command(self, script: str) -> Sequence[str]:
        """The local command that runs a script on the device."""

    @abstractmethod
    def reconnect(self) -> bool:
        """Try to bring a lost connection back; False where there is nothing to try."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the connection."""

    def run(
        self,
        script: str,
        *,
        timeout_seconds: float = 30.0,
        grace_seconds: float = GRACE_SECONDS,
        switch: KillSwitch | None = None,
        source: Path | None = None,
    ) -> Answer:
        """Run a script to its end.

        Args:
            script: POSIX shell. It must bound its own time: our clock gives it up, and leaves it running there.
            timeout_seconds: how long it may take.
            grace_seconds: how much longer its answer may.
            switch: ends the waiting from another thread, likewise.
            source: a file that it gets on its standard input; nothing otherwise.

        Raises:
            DeviceAwayError: the device cannot be reached, went away, gave no answer in time, or the switch was pulled.
            DeviceRefusedError: it was reached, and refuses the login.
        """
        begun, words = False, ""
        for _ in range(2):
            begun, answer, words = self._attempt(
                script, timeout_seconds + grace_seconds, switch or KillSwitch(), source
            )
            if answer is not None:
                return answer
            # What was begun may have done half its work: only who asked knows whether it may be done again.
            if begun or (switch and switch.pulled.is_set()) or not self.reconnect():
                break
        if any(refusal in words for refusal in self.refusals):
            raise DeviceRefusedError(f"{self.address} lets nobody in: {words}")
        reason = "went away in the middle" if begun else "cannot be reached"
        raise DeviceAwayError(f"{self.address} {reason}{': ' + words if words else ''}")

    def push(self, source: Path, target: str, switch: KillSwitch | None = None) -> None:
        """Copy a file to a path on the device, a word of its `sh`; a switch ends it early from another thread.

        Raises:
            DeviceAwayError: as for `run`.
            DeviceRefusedError: it cannot be written there, for example because the disk is full.
        """
        seconds = 30 + source.stat().st_size / SLOWEST_PUSH_BYTES_PER_SECOND
        script = f"cat > {target} || {{ rm -f {target}; exit 1; }}"
        answer = self.run(script, timeout_seconds=seconds, switch=switch, source=source)
        if answer.exit_code != 0:
            raise DeviceRefusedError(
                f"{self.address}: a file of {source.stat().st_size / 1e6:.1f} MB cannot be put into {self.home}: "
                f"{answer.last_words or 'no reason given'}; free some space there"
            )

    def _attempt(
        self, script: str, patience_seconds: float, switch: KillSwitch, source: Path | None
    ) -> tuple[bool, Answer | None, str]:
        mark = secrets.token_hex(8)
        framed = (
            f"echo begin-{mark}; read -r begin rest < /proc/uptime; ( {script}\n); code=$?; "
            f'read -r end rest < /proc/uptime; echo; echo "end-{mark} $code $begin $end"'
        )
        with tempfile.TemporaryDirectory(prefix="shell-", dir=self._folder) as name:
            folder = Path(name)
            # The local sh only puts both streams where they belong.
            local = ("sh", "-c", 'exec "$@" < "$0" > output', str(source or "/dev/null"), *self.command(framed))
            ending = run_isolated(folder, patience_seconds, switch, local, confined=False)
            output = folder / "output"
            # A switch that was pulled before ends the local sh before it makes the file.
            begun, answer = parse_framed(output.read_bytes() if output.exists() else b"", mark, ending.last_words)
        words = f"no answer in {patience_seconds:g} s" if ending.timed_out else ending.last_words
        return begun, answer, words


def parse_framed(output: bytes, mark: str, last_words: str) -> tuple[bool, Answer | None]:
    """Find a script's own output between its two lines, which carry a mark. A banner may come before.

    Returns:
        Whether the script was begun, and its answer if it ended.
    """
    _, begun, rest = output.partition(f"begin-{mark}\n".encode())
    body, ended, line = rest.rpartition(f"\nend-{mark} ".encode())
    fields = line.split()
    if not ended or len(fields) != 3 or not line.endswith(b"\n"):
        return bool(begun), None
    code, start, end = fields
    answer = Answer(exit_code=int(code), output=body, seconds=float(end) - float(start), last_words=last_words)
    return True, answer


def quote(*words: str) -> str:
    """Words of a command, for `sh`."""
    return shlex.join(words)
