"""A real adbd in a namespace of its own: an Android device as far as adb can tell. Needs root, adb and debootstrap.

    python -m tests.lab.adbd --rootfs /tmp/mqn-adbd -- pytest tests/integration/test_backends.py -k adb

makes the root file system once (235 MB, half a minute), starts adbd in it, and runs the command, `$MQN_TEST_ADB` set.

adbd lets everybody in as root: it must never listen outside of a namespace.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType

from tests.support.rigs.namespace import Namespace

PORT = 5555
START_SECONDS = 30
SUITE = "trixie"  # the first Debian whose adbd works by itself

_START = """
mount -t proc proc "$1/proc" && mount --bind /dev "$1/dev" &&
mkdir -p "$1/dev/pts" "$1/data/local/tmp" &&
mount -t devpts devpts "$1/dev/pts" -o newinstance,ptmxmode=0666 &&
mount -t tmpfs tmpfs "$1/data/local/tmp" &&
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/ SHELL=/bin/sh TMPDIR=/tmp chroot "$1" /usr/sbin/adbd
"""


class Adbd:
    """adbd in a namespace; entering it connects adb, and gives the serial."""

    def __init__(self, rootfs: Path, namespace: Namespace) -> None:
        """Say where.

        Args:
            rootfs: as `make_rootfs` makes it; several may share it, for each has a `/data/local/tmp` of its own.
            namespace: entered already.
        """
        self._rootfs, self._namespace = rootfs, namespace
        self.serial = f"{namespace.guest}:{PORT}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> str:
        # adbd reports every connection on its standard error.
        self._log = tempfile.TemporaryFile()
        self._process = self._namespace.popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", _START, "sh", str(self._rootfs)],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                self._log.seek(0)
                raise RuntimeError(f"adbd did not start: {self._log.read()[-500:].decode(errors='replace')}")
            said = subprocess.run(["adb", "connect", self.serial], capture_output=True, text=True, check=False).stdout
            if "connected to" in said:
                return self.serial
            time.sleep(0.2)
        self.__exit__(None, None, None)
        raise RuntimeError(f"adb cannot connect to {self.serial}: {said.strip()}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        subprocess.run(["adb", "disconnect", self.serial], capture_output=True, check=False)
        if self._process is not None and self._process.poll() is None:
            # The first process of its pid namespace takes all others along, and the mounts with them.
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._log.close()


def make_rootfs(rootfs: Path) -> None:
    """Make the root file system, unless it is there: a small Debian with adbd."""
    if (rootfs / "usr/sbin/adbd").exists():
        return
    if rootfs.exists():
        raise RuntimeError(
            f"{rootfs} is there and holds no adbd: an earlier try was cut off, or still works; remove it"
        )
    subprocess.run(
        ["debootstrap", "--variant=minbase", "--include=adbd,iproute2", SUITE, str(rootfs)],
        check=True,
        stdout=sys.stderr,
    )


def main() -> int:
    """Run a command beside an adbd.

    Returns:
        The command's exit code.
    """
    parser = argparse.ArgumentParser(description="Run a command with $MQN_TEST_ADB naming a real adbd.")
    parser.add_argument("--rootfs", type=Path, required=True, help="folder of the root file system; made if absent")
    parser.add_argument("command", nargs="+")
    given = parser.parse_args()
    make_rootfs(given.rootfs)
    namespace = Namespace.unused()
    with namespace, Adbd(given.rootfs, namespace) as serial:
        return subprocess.run(given.command, env={**os.environ, "MQN_TEST_ADB": serial}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
