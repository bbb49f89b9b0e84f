from __future__ import annotations

import os
import platform
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


def test_frequency_and_temperature_are_the_highest(fake: Path) -> None:
    for number, kilohertz in enumerate((1_000_000, 2_000_000, 9_000_000)):
        write(fake / f"sys/devices/system/cpu/cpu{number}/cpufreq/scaling_cur_freq", f"{kilohertz}\n")
    for number, text in enumerate(("40000\n", "61500\n", "0\n", "-274000\n", "broken\n")):
        write(fake / f"sys/class/thermal/thermal_zone{number}/temp", text)
    assert machine.read_state([0, 1]) == MachineState(load_1m=0.5, frequency_mhz=2000.0, temperature_c=61.5)


def test_busy_time_is_of_the_asked_processors_without_idle_and_guests(fake: Path) -> None:
    #        user nice system idle iowait irq softirq steal guest guest_nice
    write(
        fake / "proc/stat",
        "cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 1 2 3 900 900 4 5 6 900 900\ncpu1 900 0 0 0 0 0 0 0 0 0\nintr 5\n",
    )
    assert machine.busy_seconds([0]) == 21 / os.sysconf("SC_CLK_TCK")
    assert machine.busy_seconds([0, 7]) is None


def test_stolen_time_is_of_the_asked_processors(fake: Path) -> None:
    write(fake / "proc/stat", "cpu0 1 2 3 900 900 4 5 6 900 900\ncpu1 900 0 0 0 0 0 0 50 0 0\n")
    assert machine.stolen_seconds([0]) == 6 / os.sysconf("SC_CLK_TCK")
    assert machine.stolen_seconds([0, 1]) == 56 / os.sysconf("SC_CLK_TCK")
    assert machine.stolen_seconds([7]) is None


def test_waiting_is_that_of_all_threads(fake: Path) -> None:
    assert machine.waited_seconds() is None
    for task, text in (("10", "5000 1500000000 7\n"), ("11", "5000 500000000 7\n")):
        write(fake / f"proc/self/task/{task}/schedstat", text)
    assert machine.waited_seconds() == 2.0


def test_this_process_is_preempted_ever_more() -> None:
    assert 0 <= machine.preemptions() <= machine.preemptions()


def supply(fake: Path, name: str, **rows: str) -> None:
    for key, text in rows.items():
        write(fake / f"sys/class/power_supply/{name}/{key}", f"{text}\n")


def test_without_a_battery_nothing_is_said_of_it(fake: Path) -> None:
    supply(fake, "AC", type="Mains", online="1")
    supply(fake, "hidpp_battery_0", type="Battery", scope="Device", capacity="5", status="Discharging")
    assert (machine.read_state([0]).battery_percent, machine.read_state([0]).charging) == (None, None)


@pytest.mark.parametrize(
    ("status", "charging"), [("Charging", True), ("Full", True), ("Not charging", True), ("Discharging", False)]
)
def test_the_battery_is_read(fake: Path, status: str, charging: bool) -> None:
    supply(fake, "BAT0", type="Battery", capacity="61", status=status)
    assert (machine.read_state([0]).battery_percent, machine.read_state([0]).charging) == (61.0, charging)


def test_of_two_batteries_the_emptier_counts(fake: Path) -> None:
    supply(fake, "BAT0", type="Battery", capacity="90", status="Not charging")
    supply(fake, "BAT1", type="Battery", capacity="20", status="Discharging")
    assert (machine.read_state([0]).battery_percent, machine.read_state([0]).charging) == (20.0, False)


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
    assert (info.backend, info.architecture, info.delegates) == ("local", platform.machine(), ("none", "xnnpack"))


def test_the_peak_can_be_forgotten() -> None:
    held = bytearray(50_000_000)
    held[::4096] = b"x" * len(held[::4096])
    del held
    if not machine.reset_peak():
        pytest.skip("this kernel does not let a process write to /proc/self/clear_refs")
    now, peak = machine.resident_mb()
    assert peak - now < 25
