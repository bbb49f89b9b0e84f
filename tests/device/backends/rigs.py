"""Devices for the contract suite: this machine, an sshd of our own, a real adbd, a tool that only pretends."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mqn.device.backends.contract import Backend
from mqn.device.backends.local.backend import LocalBackend
from mqn.device.backends.opening import open_backend
from mqn.device.backends.shell.adb import AdbShell
from mqn.device.backends.shell.backend import RunnerBackend
from mqn.device.backends.shell.benchmark_model import BenchmarkModelBackend
from mqn.device.backends.shell.loopback import HereShell
from mqn.device.backends.shell.shell import Shell
from mqn.device.backends.shell.ssh import SshShell

FAKE_TOOL = Path(__file__).with_name("shell") / "fake_benchmark_model.sh"


@dataclass
class Rig:
    """A backend, and what a test does to the device behind its back.

    Attributes:
        backend: what is tested.
        folder: where local passes work.
        shell: another way to the device; None where it is this machine itself.
        tells_outputs: whether its output hashes mean something.
    """

    backend: Backend
    folder: Path
    shell: Shell | None = None
    tells_outputs: bool = True

    def cut(self) -> None:
        """Take the device away."""
        pytest.skip("this device cannot go away: it is this machine")

    def restore(self) -> None:
        """Bring it back."""

    def close(self) -> None:
        self.backend.close()
        if self.shell is not None:
            self.shell.close()

    def processes(self) -> list[int]:
        """Processes of passes, on the device."""
        if self.shell is None:
            return [pid for pid in _all_processes() if self._is_ours(pid)]
        script = (
            f"home=$(cd {self.shell.home} && pwd -P) || exit 0; for process in /proc/[0-9]*; do "
            'case "$(readlink $process/cwd)" in "$home"/pass-*) echo ${process#/proc/};; esac; done'
        )
        return list(map(int, self.shell.run(script).output.split()))

    def kill_pass(self) -> None:
        """Kill every process of a pass, as an out-of-memory killer might."""
        for pid in self.processes():
            if self.shell is None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            else:
                self.shell.run(f"kill -s KILL {pid} 2>/dev/null; true")

    def folders(self) -> list[str]:
        """What passes left lying on the device."""
        if self.shell is None:
            return []
        return self.shell.run(f"ls -d {self.shell.home}/pass-* 2>/dev/null; true").output.decode().splitlines()

    def wait_for_processes(self, some: bool) -> list[int]:
        """Wait until there are some, or none, at most 20 s; those that are there in the end."""
        deadline = time.monotonic() + 20
        while bool(found := self.processes()) != some and time.monotonic() < deadline:
            time.sleep(0.02)
        return found

    def _is_ours(self, pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/cwd").readlink().is_relative_to(self.folder)
        except OSError:
            return False


class SshRig(Rig):
    """A board behind an sshd that the test starts, cuts off and starts again."""

    def __init__(self, server: Sshd, folder: Path) -> None:
        self.server = server
        super().__init__(open_backend("ssh:board", folder=folder), folder, SshShell("board", folder))

    def cut(self) -> None:
        self.server.stop()

    def restore(self) -> None:
        self.server.start()


class AdbRig(Rig):
    """A real adbd, named by `$MQN_TEST_ADB`; cut off by its transport."""

    def __init__(self, serial: str, folder: Path) -> None:
        self.serial = serial
        super().__init__(open_backend(f"adb:{serial}", folder=folder), folder, AdbShell(serial, folder))

    def cut(self) -> None:
        if ":" not in self.serial:
            pytest.skip("a cable cannot be pulled by a test; give $MQN_TEST_ADB a HOST:PORT")
        subprocess.run(["adb", "disconnect", self.serial], capture_output=True, check=True)


def find_sshd() -> str | None:
    """OpenSSH's server; None where it, or what makes its keys, is absent."""
    if shutil.which("ssh-keygen") is None or shutil.which("ssh") is None:
        return None
    return shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")


class Sshd:
    """An OpenSSH server on loopback, with keys and a home of its own."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.program = find_sshd()
        if self.program is None:
            pytest.skip("needs OpenSSH's server (Debian: openssh-server), which is absent here")
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = folder
        for name in ("host", "user"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True, timeout=30
            )
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self._port = probe.getsockname()[1]
        home = folder / "home"
        home.mkdir()
        (folder / "sshd_config").write_text(
            f"Port {self._port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile none\nUsePAM no\n"
            f"AuthorizedKeysFile {folder}/user.pub\nStrictModes no\nPasswordAuthentication no\n"
            f'PermitRootLogin yes\nSetEnv "HOME={home}"\n'
        )
        key = (folder / "host.pub").read_text().split(" ", 2)[:2]
        (folder / "known_hosts").write_text(f"[127.0.0.1]:{self._port} {' '.join(key)}\n")
        (folder / "ssh_config").write_text(
            f"Host board\n  HostName 127.0.0.1\n  Port {self._port}\n  User {getpass.getuser()}\n"
            f"  IdentityFile {folder}/user\n  IdentitiesOnly yes\n  UserKnownHostsFile {folder}/known_hosts\n"
        )
        monkeypatch.setenv("MQN_SSH_CONFIG", str(folder / "ssh_config"))
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)

    def start(self) -> None:
        assert self.program is not None
        command = [self.program, "-D", "-f", str(self._folder / "sshd_config"), "-E", str(self._folder / "log")]
        self._process = subprocess.Popen(command)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port), timeout=1):
                return
            time.sleep(0.02)
        pytest.fail(f"sshd did not start: {(self._folder / 'log').read_text()[-300:]}")

    def stop(self) -> None:
        """Kill the server and its connections, but not what runs behind them: that is the device's own."""
        if self._process is None:
            return
        connections = [pid for pid in _descendants(self._process.pid) if _name(pid).startswith("sshd")]
        self._process.kill()
        self._process.wait()
        for pid in connections:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process = None


@contextlib.contextmanager
def open_rig(kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """Set up a device by the kind of its backend; skips where it cannot be had."""
    with contextlib.ExitStack() as stack:
        work = folder / "work"
        work.mkdir()
        if kind == "local":
            rig = Rig(LocalBackend(), work)
        elif kind == "here":
            home = folder / "device home"
            rig = Rig(RunnerBackend(HereShell(home, work)), work, HereShell(home, work))
        elif kind == "benchmark_model":
            home = folder / "device home"
            backend = BenchmarkModelBackend(HereShell(home, work), FAKE_TOOL)
            rig = Rig(backend, work, HereShell(home, work), tells_outputs=False)
        elif kind == "ssh":
            server = Sshd(folder, monkeypatch)
            server.start()
            stack.callback(server.stop)
            rig = SshRig(server, work)
        else:
            serial = os.environ.get("MQN_TEST_ADB")
            if not serial:
                pytest.skip("needs an adb device: $MQN_TEST_ADB names its serial (tests/lab/adbd.py starts one)")
            rig = AdbRig(serial, work)
        stack.callback(rig.close)
        yield rig


def _all_processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _descendants(pid: int) -> list[int]:
    found = []
    for other in _all_processes():
        with contextlib.suppress(OSError):
            parent = int(Path(f"/proc/{other}/stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid:
                found += [other, *_descendants(other)]
    return found


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return ""
