"""From an address to a backend."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqn.device.backends.local.backend import LocalBackend
from mqn.device.backends.opening import open_backend
from mqn.device.backends.shell.backend import RunnerBackend
from mqn.device.backends.shell.benchmark_model import BenchmarkModelBackend
from mqn.errors import DeviceRefusedError, UsageError


@pytest.mark.parametrize("address", ["", "lokal", "adb", "adb:", "ssh:", "usb:1", "http://x"])
def test_bad_address_names_what_is_allowed(address: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"local, adb:SERIAL, ssh:\[USER@\]HOST\[:PORT\]"):
        open_backend(address, folder=tmp_path)


def test_local_is_this_machine(tmp_path: Path) -> None:
    assert isinstance(open_backend("local", folder=tmp_path), LocalBackend)


def test_tool_is_not_for_this_machine(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="adb: and ssh:"):
        open_backend("local", folder=tmp_path, benchmark_model=tmp_path / "tool")


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "ssh"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("client")
def test_ssh_runs_our_runner_or_the_tool(tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.write_bytes(b"")
    for benchmark_model, kind in ((None, RunnerBackend), (tool, BenchmarkModelBackend)):
        backend = open_backend("ssh:me@board:22", folder=tmp_path, benchmark_model=benchmark_model)
        assert isinstance(backend, kind)
        backend.close()


@pytest.mark.usefixtures("client")
def test_tool_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeviceRefusedError, match="is no file"):
        open_backend("ssh:board", folder=tmp_path, benchmark_model=tmp_path / "missing")
