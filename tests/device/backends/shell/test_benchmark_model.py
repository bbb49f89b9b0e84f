"""The user's tool: refused where it cannot be used, believed where it says so. The tool is a script that pretends."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqn.device.backends.local.isolation import KillSwitch
from mqn.device.backends.shell.benchmark_model import BenchmarkModelBackend
from mqn.device.backends.shell.loopback import HereShell
from mqn.device.passes import PassFile, PassRequest, PassResult
from mqn.errors import DeviceRefusedError
from mqn.records import MeasureSettings

FAKE_TOOL = Path(__file__).with_name("fake_benchmark_model.sh")
QUICK = MeasureSettings(runs=8, seconds=0, warmup_seconds=0, delegate="gpu")


def _open(folder: Path, tool: Path = FAKE_TOOL) -> BenchmarkModelBackend:
    return BenchmarkModelBackend(HereShell(folder / "device", folder), tool)


def _time(folder: Path, size: int) -> PassResult:
    model = folder / "model"
    model.write_bytes(b"\x1c\0\0\0TFL3".ljust(size, b"\0"))
    request = PassRequest(kind="timed", models=((PassFile(part="model", name="m"),),), settings=QUICK)
    return _open(folder).run(request, {"m": model}, folder, KillSwitch())


def test_delegates_are_those_that_the_tool_lists(tmp_path: Path) -> None:
    assert _open(tmp_path).describe().delegates == ("none", "xnnpack", "gpu")


@pytest.mark.slow
def test_delegate_that_was_applied_counts(tmp_path: Path) -> None:
    timed = _time(tmp_path, 5000).timed
    assert timed is not None
    assert timed.models[0][0].samples_ns == (1_003_000,) * 8


@pytest.mark.slow
def test_delegate_that_was_not_applied_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeviceRefusedError, match="did not apply the delegate 'gpu'"):
        _time(tmp_path, 500)


def test_program_of_another_kind_is_refused(tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.write_text("#!/bin/sh\necho hello\n")
    with pytest.raises(DeviceRefusedError, match=r"is no benchmark_model that runs there: hello"):
        _open(tmp_path, tool).describe()


def test_tool_for_another_processor_is_refused(tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.write_bytes(b"\x7fELF" + bytes(14) + (243).to_bytes(2, "little"))
    with pytest.raises(DeviceRefusedError, match="is for riscv64"):
        _open(tmp_path, tool).describe()
