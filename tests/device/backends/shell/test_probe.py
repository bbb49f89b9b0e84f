"""Who a device is and how it is, from what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqn.device.backends.shell import probe
from mqn.device.backends.shell.loopback import HereShell
from mqn.device.backends.shell.shell import Answer
from mqn.errors import DeviceRefusedError


class _Saying(HereShell):
    """A device that says what it is told."""

    kind = "adb"

    def __init__(self, folder: Path, output: str, exit_code: int = 0) -> None:
        super().__init__(folder, folder)
        self._answer = Answer(exit_code=exit_code, output=output.encode(), seconds=0.1, last_words="words")

    def run(self, script: str, **_: object) -> Answer:  # type: ignore[override]
        return self._answer


ARM = "processor : 0\nCPU implementer : 0x41\nCPU part : 0xd08"
PHONE = (
    "architecture=aarch64\nkernel=5.10.66-android13\nnode=localhost\ncores=8\nmemory_kb=7600000\n"
    "processor=Qualcomm SM8550\n"
    "cpuinfo=processor\t: 0\ncpuinfo=CPU implementer\t: 0x51\n"
    "android=13\nmaker=Maker\nmodel=Phone 5\nsoc=SM8550\nplatform=kalama\nserial=SECRET42\n"
)


def test_phone_is_named_by_its_properties(tmp_path: Path) -> None:
    info = probe.describe(_Saying(tmp_path, PHONE))
    assert (info.model, info.soc, info.os, info.cores, info.memory_mb) == (
        "Maker Phone 5",
        "SM8550",
        "Android 13",
        8,
        7782,
    )
    assert (info.backend, info.architecture, info.emulated) == ("adb", "aarch64", False)
    assert info.id.startswith("Maker-Phone-5-")
    assert "SECRET42" not in info.id


def test_two_phones_of_a_kind_are_told_apart(tmp_path: Path) -> None:
    other = PHONE.replace("SECRET42", "SECRET43")
    assert probe.describe(_Saying(tmp_path, PHONE)).id != probe.describe(_Saying(tmp_path, other)).id


def test_board_is_named_by_its_device_tree(tmp_path: Path) -> None:
    info = probe.describe(
        _Saying(
            tmp_path,
            "architecture=aarch64\nkernel=6.1\nnode=pi\ncores=4\nmemory_kb=1000000\nos=Debian 12\nmachine=abc\n"
            "board=Raspberry Pi 4 Model B\ncompatible=raspberrypi,4-model-b brcm,bcm2711\n",
        )
    )
    assert (info.model, info.soc, info.os) == ("Raspberry Pi 4 Model B", "brcm,bcm2711", "Debian 12")
    assert info.id.startswith("pi-")
    assert not info.emulated


def test_what_is_no_linux_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeviceRefusedError, match="POSIX"):
        probe.describe(_Saying(tmp_path, "'uname' is not recognized\n", exit_code=1))


@pytest.mark.parametrize(
    ("facts", "emulated"),
    [
        ({"architecture": "aarch64", "kernel_architecture": "x86_64"}, True),
        ({"architecture": "armv7l", "kernel_architecture": "aarch64", "cpuinfo": ARM}, False),
        ({"architecture": "i686", "kernel_architecture": "x86_64"}, False),
        ({"architecture": "aarch64", "interpreter": "/usr/bin/qemu-aarch64-static"}, True),
        ({"architecture": "aarch64", "interpreter": "/home/qemu/bin/dash", "cpuinfo": ARM}, False),
        ({"architecture": "aarch64", "cpuinfo": "vendor_id : GenuineIntel\nflags : fpu"}, True),
        ({"architecture": "x86_64", "cpuinfo": "model name : QEMU TCG CPU version 2.5+"}, True),
        ({"architecture": "x86_64", "cpuinfo": "model name : QEMU Virtual CPU version 2.5+"}, True),
        ({"architecture": "x86_64", "cpuinfo": "model name : QEMU Virtual CPU", "clocks": "kvm-clock tsc"}, False),
        ({"architecture": "x86_64", "cpuinfo": "model name : AMD EPYC"}, False),
        ({"architecture": "x86_64", "processor": "Android virtual processor", "boot_qemu": "1"}, True),
    ],
)
def test_imitations_are_recognised(facts: dict[str, str], emulated: bool) -> None:
    assert probe.is_emulated(facts) is emulated


def test_state_comes_from_the_kernel(tmp_path: Path) -> None:
    state = probe.read_state(
        _Saying(
            tmp_path,
            "load=0.52\nfrequency=1000000\nfrequency=2000000\ntemperature=0\ntemperature=41500\ntemperature=999999\n"
            "percent=80\nstatus=Discharging\n",
        )
    )
    assert (state.load_1m, state.frequency_mhz, state.temperature_c) == (0.52, 2000.0, 41.5)
    assert (state.battery_percent, state.charging) == (80.0, False)


def test_battery_may_come_from_android(tmp_path: Path) -> None:
    state = probe.read_state(_Saying(tmp_path, "load=1\nstatus_number=2\nlevel=55\n"))
    assert (state.battery_percent, state.charging) == (55.0, True)


def test_what_cannot_be_read_is_none(tmp_path: Path) -> None:
    state = probe.read_state(_Saying(tmp_path, ""))
    assert (state.load_1m, state.frequency_mhz, state.temperature_c, state.battery_percent, state.charging) == (
        None,
    ) * 5


def test_this_machine_answers_both_scripts(tmp_path: Path) -> None:
    shell = HereShell(tmp_path, tmp_path)
    assert probe.describe(shell).cores >= 1
    assert probe.read_state(shell).load_1m is not None
