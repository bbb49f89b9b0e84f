from __future__ import annotations

import os
from pathlib import Path

import pytest

from mqn.device import machine
from mqn.records import MachineState


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(machine, "PROC", tmp_path / "proc")
    monkeypatch.setattr(machine, "SYS", tmp_path / "sys")
    monkeypatch.setattr(os, "getloadavg", lambda: (0.5, 0.0, 0.0))
    return tmp_path


def test_nothing_readable_is_none(fake: Path) -> None:
    assert machine.read_state([0]) == MachineState(load_1m=0.5, frequency_mhz=None, temperature_c=None)
    assert machine.busy_seconds([0]) is None
    assert machine.resident_mb() is None
    assert machine.reset_peak() is False


def test_frequency_is_the_mean_and_temperature_the_highest(fake: Path) -> None:
    for number, kilohertz in enumerate((1_000_000, 2_000_000, 9_000_000)):
        write(fake / f"sys/devices/system/cpu/cpu{number}/cpufreq/scaling_cur_freq", f"{kilohertz}\n")
    for number, text in enumerate(("40000\n", "61500\n", "0\n", "-274000\n", "broken\n")):
        write(fake / f"sys/class/thermal/thermal_zone{number}/temp", text)
    assert machine.read_state([0, 1]) == MachineState(load_1m=0.5, frequency_mhz=1500.0, temperature_c=61.5)


def test_busy_time_is_of_the_asked_processors_without_idle_and_guests(fake: Path) -> None:
    #        user nice system idle iowait irq softirq steal guest guest_nice
    write(
        fake / "proc/stat",
        "cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 1 2 3 900 900 4 5 6 900 900\ncpu1 900 0 0 0 0 0 0 0 0 0\nintr 5\n",
    )
    assert machine.busy_seconds([0]) == 21 / os.sysconf("SC_CLK_TCK")
    assert machine.busy_seconds([0, 7]) is None


def test_resident_memory_is_in_mb(fake: Path) -> None:
    write(fake / "proc/self/status", "Name:\tx\nVmHWM:\t    2000 kB\nVmRSS:\t    1000 kB\n")
    assert machine.resident_mb() == (1.024, 2.048)


def test_boards_say_who_they_are(fake: Path) -> None:
    write(fake / "proc/device-tree/model", "Board 4\0")
    write(fake / "proc/device-tree/compatible", "maker,board-4\0maker,soc-1\0")
    info = machine.describe()
    assert (info.model, info.soc) == ("Board 4", "maker,soc-1")


def test_this_machine_says_who_it_is() -> None:
    info = machine.describe()
    assert info == machine.describe()
    assert info.cores >= 1
    assert info.memory_mb > 0
    assert info.runtime.startswith("ai-edge-litert 2.")


def test_the_peak_can_be_forgotten() -> None:
    held = bytearray(50_000_000)
    held[::4096] = b"x" * len(held[::4096])
    del held
    if not machine.reset_peak():
        pytest.skip("this kernel does not let a process write to /proc/self/clear_refs")
    now, peak = machine.resident_mb()
    assert peak - now < 25
