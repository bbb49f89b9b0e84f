"""Scripts on a device: their ends, and connections that are not there."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mqn.device.backends.shell import ssh
from mqn.device.backends.shell.adb import AdbShell
from mqn.device.backends.shell.loopback import HereShell
from mqn.device.backends.shell.shell import parse_framed
from mqn.device.backends.shell.ssh import SshShell
from mqn.errors import DeviceAwayError, DeviceRefusedError, UsageError


@pytest.fixture
def shell(tmp_path: Path) -> HereShell:
    return HereShell(tmp_path / "a home", tmp_path)


class TestFraming:
    def test_output_lies_between_the_marks(self) -> None:
        begun, answer = parse_framed(b"Welcome!\nbegin-ab\nbody\n\nend-ab 3 10.50 12.75\n", "ab", "words")
        assert begun
        assert answer is not None
        assert (answer.exit_code, answer.output, answer.seconds) == (3, b"body\n", 2.25)

    @pytest.mark.parametrize(
        ("output", "begun"),
        [
            (b"", False),
            (b"ssh: no route to host\n", False),
            (b"begin-ab\nhalf of what", True),
            (b"begin-ab\nbody\nend-ab 0 1.0 2.", True),
            (b"begin-ab\nbody\n\nend-cd 0 1.0 2.0\n", True),
        ],
    )
    def test_without_its_end_there_is_no_answer(self, output: bytes, begun: bool) -> None:
        assert parse_framed(output, "ab", "") == (begun, None)


def test_exit_code_and_both_streams_come_back(shell: HereShell) -> None:
    answer = shell.run("echo out; echo first >&2; echo last >&2; exit 7")
    assert (answer.exit_code, answer.output, answer.last_words) == (7, b"out\n", "last")


def test_script_may_leave_early_and_say_anything(shell: HereShell) -> None:
    answer = shell.run("printf 'no newline, \\0 and \"quotes\"'; exit 0; echo never")
    assert answer.output == b'no newline, \0 and "quotes"'


def test_pushed_file_arrives_whole(shell: HereShell, tmp_path: Path) -> None:
    (tmp_path / "a home").mkdir()
    source = tmp_path / "source"
    source.write_bytes(bytes(range(256)) * 400)
    shell.push(source, f"{shell.home}/target")
    assert (tmp_path / "a home" / "target").read_bytes() == source.read_bytes()


def test_file_that_cannot_be_written_is_a_refusal(shell: HereShell, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x")
    with pytest.raises(DeviceRefusedError, match="cannot be put into"):
        shell.push(source, f"{shell.home}/missing folder/target")


class _Broken(HereShell):
    """A shell whose carrier fails a number of times; it may come back."""

    refusals = ("Permission denied",)

    def __init__(self, folder: Path, script: str, failures: int) -> None:
        super().__init__(folder, folder)
        self._script, self.failures, self.calls = script, failures, 0

    def command(self, script: str) -> list[str]:
        self.calls += 1
        return ["sh", "-c", self._script if self.calls <= self.failures else script]

    def reconnect(self) -> bool:
        return True


def test_lost_connection_is_tried_once_more(tmp_path: Path) -> None:
    shell = _Broken(tmp_path, "echo broken pipe >&2; exit 255", failures=1)
    assert shell.run("echo there").output == b"there\n"
    assert shell.calls == 2


def test_device_that_stays_away_is_away(tmp_path: Path) -> None:
    shell = _Broken(tmp_path, "echo no route to host >&2; exit 255", failures=9)
    with pytest.raises(DeviceAwayError, match=r"cannot be reached: no route to host"):
        shell.run("true")
    assert shell.calls == 2


def test_device_that_lets_nobody_in_refuses(tmp_path: Path) -> None:
    shell = _Broken(tmp_path, "echo 'me@board: Permission denied (publickey).' >&2; exit 255", failures=9)
    with pytest.raises(DeviceRefusedError, match="Permission denied"):
        shell.run("true")


def test_what_was_begun_is_not_done_twice(tmp_path: Path) -> None:
    class HalfWay(_Broken):
        def command(self, script: str) -> list[str]:
            self.calls += 1
            return ["sh", "-c", script.replace("code=$?", "exit 1")]

    shell = HalfWay(tmp_path, "", failures=0)
    with pytest.raises(DeviceAwayError, match="went away in the middle"):
        shell.run("echo half")
    assert shell.calls == 1


@pytest.mark.parametrize(
    "target",
    ["", "-oProxyCommand=x", "me@-oProxyCommand=x", "-l@host", "a b", "user@", "host:port", "host:99999", "a;b", "$(x)",
     "host:-1", "fe80::1", "[fe80::1", "[x]", "`x`", "me@ho\nst", "me@host\n", "a|b", "me@host/x", "_x@",
     "host:\u0662\u0662"],
)  # fmt: skip
def test_ssh_target_that_is_none_is_refused(target: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"ssh:\[USER@\]HOST\[:PORT\]"):
        SshShell(target, tmp_path)


@pytest.fixture
def carrier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[list[str]]]:
    """Puts an `adb` and an `ssh` on the path that write down their arguments, and tells those of each call."""
    told = tmp_path / "told"
    for name in ("adb", "ssh"):
        client = tmp_path / name
        client.write_text(f'#!/bin/sh\n(for word; do printf "%s\\0" "$word"; done; printf "\\1") >> {told}\n')
        client.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return lambda: [call.split("\0")[:-1] for call in told.read_text().split("\1")[:-1]]


@pytest.mark.parametrize(
    ("target", "user", "host", "port"),
    [
        ("board", None, "board", None),
        ("pi@board.local:2222", "pi", "board.local", "2222"),
        ("pi@[fe80::1]:22", "pi", "fe80::1", "22"),
        ("[fe80::1%eth0]", None, "fe80::1%eth0", None),
        ("first.last+x@10.0.0.2", "first.last+x", "10.0.0.2", None),
    ],
)
def test_ssh_gets_user_host_and_port_apart(
    carrier, target: str, user: str | None, host: str, port: str | None, tmp_path: Path
) -> None:
    with contextlib.closing(SshShell(target, tmp_path)) as shell:
        words = list(shell.command("true"))
    assert words[-3:-1] == ["--", host]
    assert (words[words.index("-l") + 1] if "-l" in words else None) == user
    assert (words[words.index("-p") + 1] if "-p" in words else None) == port


@pytest.mark.parametrize(
    "serial",
    ["", "-s", "x;y", "$(x)", "`x`", "a|b", "a&b", "a>b", "a'b", 'a"b', " a", "a ", "a\nb", "a\n", "a\tb", "a\x1b[2J",
     "a\u202eb", "a\\b", "x" * 256],
)  # fmt: skip
def test_adb_serial_that_is_none_is_refused(serial: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="adb:SERIAL"):
        AdbShell(serial, tmp_path)


@pytest.mark.parametrize(
    ("serial", "chosen", "connected"),
    [
        ("adb-4c753791-lL2him (2)._adb-tls-connect._tcp", None, False),
        ("adb-4c753791-lL2him._adb-tls-connect._tcp", None, False),
        ("emulator-5554", None, False),
        ("R58M123ABC", None, False),
        ("0123456789ABCDEF", None, False),
        ("usb:1-2", None, False),
        ("Pixel 8 [lab]", None, False),
        ("192.168.1.20:5555", None, True),
        ("phone.lan:37099", None, True),
        ("[fe80::1%wlan0]:5555", None, True),
        ("[2001:db8::1]:5555", None, True),
        ("transport_id:7", ["-t", "7"], False),
    ],
)
def test_adb_gets_a_serial_as_it_is_listed(
    carrier, serial: str, chosen: list[str] | None, connected: bool, tmp_path: Path
) -> None:
    shell = AdbShell(serial, tmp_path)
    subprocess.run(shell.command("echo $(x)"), check=True)
    wanted = [["start-server"], *([["connect", serial]] if connected else [])]
    assert carrier() == [*wanted, [*(chosen or ["-s", serial]), "shell", "-T", "echo $(x)"]]


def test_a_shared_ssh_connection_that_does_not_answer_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = tmp_path / "ssh"
    client.write_text("#!/bin/sh\nexec sleep 60\n")
    client.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(ssh, "LEAVE_SECONDS", 0.1)
    shell = SshShell("board", tmp_path)
    (path,) = [word.partition("=")[2] for word in shell.command("") if word.startswith("ControlPath=")]
    Path(path).touch()
    assert shell.reconnect()
    assert not Path(path).exists()
    shell.close()
