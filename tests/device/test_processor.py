from __future__ import annotations

import platform
from pathlib import Path

import pytest

from mqn.device import processor

X86 = "processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel name\t: AMD EPYC\nflags\t\t: fpu sse avx2 hypervisor\n"
ARM = "processor\t: 0\nBogoMIPS\t: 108.00\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\nCPU part\t: 0xd0b\n"


@pytest.fixture
def pretend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(processor, "PROC", tmp_path / "proc")
    monkeypatch.setattr(processor, "SYS", tmp_path / "sys")

    def set_up(architecture: str, cpuinfo: str, *, kernel: str = "", clocks: str = "tsc", board: str = "") -> bool:
        monkeypatch.setattr(platform, "machine", lambda: architecture)
        for name, text in {
            "proc/cpuinfo": cpuinfo,
            "proc/sys/kernel/arch": kernel,
            "proc/device-tree/compatible": board,
            "sys/devices/system/clocksource/clocksource0/available_clocksource": clocks,
        }.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text:
                path.write_text(text)
        return processor.is_emulated()

    return set_up


def test_real_machines_are_real(pretend) -> None:
    assert not pretend("x86_64", X86, kernel="x86_64")
    assert not pretend("aarch64", ARM, kernel="aarch64")


def test_an_old_kernel_that_does_not_tell_is_believed(pretend) -> None:
    assert not pretend("x86_64", X86)
    assert not pretend("aarch64", ARM)
    assert not pretend("aarch64", "")


def test_a_32_bit_program_on_its_64_bit_kernel_is_real(pretend) -> None:
    assert not pretend("armv8l", ARM, kernel="aarch64")
    assert not pretend("i686", X86, kernel="x86_64")


def test_one_program_on_a_kernel_of_another_kind_is_emulated(pretend) -> None:
    assert pretend("aarch64", X86, kernel="x86_64")


def test_a_foreign_processors_description_betrays_the_host(pretend) -> None:
    assert pretend("aarch64", X86)
    assert pretend("riscv64", X86)


@pytest.mark.parametrize(
    ("name", "clocks", "emulated"),
    [
        ("QEMU TCG CPU version 2.5+", "tsc hpet", True),
        ("QEMU Virtual CPU version 2.5+", "tsc hpet", True),
        ("QEMU Virtual CPU version 2.5+", "kvm-clock tsc", False),
    ],
)
def test_a_whole_machine_without_kvm_is_emulated(pretend, name: str, clocks: str, emulated: bool) -> None:
    assert pretend("x86_64", X86.replace("AMD EPYC", name), kernel="x86_64", clocks=clocks) is emulated


def test_a_processor_of_no_maker_is_qemus(pretend) -> None:
    cpuinfo = ARM.replace("0x41", "0x00").replace("0xd0b", "0x051")
    assert pretend("aarch64", cpuinfo, kernel="aarch64")


@pytest.mark.parametrize(("bogomips", "emulated"), [("125.00", True), ("108.00", False)])
def test_qemus_board_with_qemus_clock_is_emulated(pretend, bogomips: str, emulated: bool) -> None:
    cpuinfo = ARM.replace("108.00", bogomips)
    assert pretend("aarch64", cpuinfo, kernel="aarch64", board="linux,dummy-virt\0") is emulated


def test_features_are_found_on_x86_and_on_arm():
    x86 = "processor\t: 0\nflags\t\t: fpu avx2 sse avx512_vnni\nbugs\t: some\n\nprocessor\t: 1\nflags\t\t: fpu avx2\n"
    assert processor.processor_features(x86) == ("avx2", "avx512_vnni")
    assert processor.processor_features("Features\t: fp asimd asimdhp asimddp crc32\nCPU part\t: 0xd0b\n") == (
        "asimdhp",
        "asimddp",
    )


def test_without_a_list_there_are_none():
    assert processor.processor_features("") == ()
    assert processor.processor_features("isa : rv64imafdc\nflags") == ()
