"""A network namespace of our own, joined to this machine by a pair of virtual cables that can be cut. Needs root.

    with Namespace.unused() as ns:
        server = ns.popen(["python", "-m", "http.server", "--bind", ns.guest])
        ns.cut()        # packets vanish: connections run into time-outs, as with a network that is gone
        ns.restore()

Whatever still runs in the namespace at its end is killed.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any


class Namespace:
    """A namespace with one address on either side."""

    def __init__(self, name: str, *, host: str, guest: str) -> None:
        """Say what to make.

        Args:
            name: of the namespace, at most 11 characters: the cables are named after it.
            host: IPv4 address of this machine's side; both lie in the same /24.
            guest: of the namespace's side.
        """
        self.name, self.host, self.guest = name, host, guest
        self._outer, self._inner = f"{name}-h", f"{name}-d"
        self._processes: list[subprocess.Popen[bytes]] = []

    @classmethod
    def unused(cls) -> Namespace:
        """One whose name and addresses are free on this machine: another run may be under way, or was killed."""
        addresses = subprocess.run(["ip", "-4", "-o", "addr"], capture_output=True, text=True, check=True).stdout
        names = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout.split()
        free = [n for n in range(1, 255) if f" 10.78.{n}." not in addresses and f"mqnet{n}" not in names]
        network = random.choice(free)
        return cls(f"mqnet{network}", host=f"10.78.{network}.1", guest=f"10.78.{network}.2")

    def __enter__(self) -> Namespace:
        # Where there is one of that name already, it is another's: nothing of it may be touched.
        if Path(f"/sys/class/net/{self._outer}").exists():
            raise RuntimeError(f"{self._outer} is there already; choose another name than {self.name!r}")
        _ip("netns", "add", self.name)
        try:
            _ip("link", "add", self._outer, "type", "veth", "peer", "name", self._inner)
            _ip("link", "set", self._inner, "netns", self.name)
            _ip("addr", "add", f"{self.host}/24", "dev", self._outer)
            _ip("link", "set", self._outer, "up")
            _ip("-n", self.name, "addr", "add", f"{self.guest}/24", "dev", self._inner)
            _ip("-n", self.name, "link", "set", "lo", "up")
            self.restore()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for pid in self._inside():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._remove()

    def popen(self, command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        """Start a process in the namespace, in a process group of its own; options are those of `subprocess.Popen`."""
        process = subprocess.Popen(["ip", "netns", "exec", self.name, *command], start_new_session=True, **options)
        self._processes.append(process)
        return process

    def run(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        """Run a command in the namespace to its end.

        Raises:
            subprocess.CalledProcessError: it failed.
        """
        subprocess.run(["ip", "netns", "exec", self.name, *command], check=True, env=environment)

    def cut(self) -> None:
        """Cut the cable: nothing arrives any more, nobody is told."""
        _ip("-n", self.name, "link", "set", self._inner, "down")

    def restore(self) -> None:
        """Join it again."""
        _ip("-n", self.name, "link", "set", self._inner, "up")

    def _inside(self) -> list[int]:
        found = subprocess.run(["ip", "netns", "pids", self.name], capture_output=True, text=True, check=False)
        return list(map(int, found.stdout.split()))

    def _remove(self) -> None:
        # The cables go with either end.
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True, check=False)
        if Path(f"/sys/class/net/{self._outer}").exists():
            subprocess.run(["ip", "link", "del", self._outer], capture_output=True, check=False)


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"'ip {' '.join(words)}' failed, which needs root: {done.stderr.strip()}")
