"""Whether this machine's processor is only imitated: its times say nothing about a real one."""

from __future__ import annotations

import platform
from pathlib import Path

PROC = Path("/proc")
SYS = Path("/sys")

X86 = frozenset({"x86_64", "i386", "i486", "i586", "i686"})


def is_emulated() -> bool:
    """Whether QEMU stands in for the processor, as far as the kernel's files betray it.

    One program under qemu-user, on a kernel of another architecture; or a whole machine under QEMU without KVM. An
    imitation that copies a real processor's description in every detail stays unnoticed.
    """
    return _is_one_program(platform.machine()) or _is_whole_machine()


def _is_one_program(architecture: str) -> bool:
    kernel = _read(PROC / "sys/kernel/arch").strip()
    if kernel and not _is_same(kernel, architecture):
        return True
    names = {line.split(":")[0].strip() for line in _read(PROC / "cpuinfo").splitlines()}
    return architecture not in X86 and {"vendor_id", "flags"} <= names


def _is_same(kernel: str, architecture: str) -> bool:
    # A 64-bit kernel runs programs of its 32-bit ancestors by itself.
    families = (X86, frozenset({"aarch64", "armv8l", "armv7l", "armv6l", "arm"}))
    return kernel == architecture or any({kernel, architecture} <= family for family in families)


def _is_whole_machine() -> bool:
    rows = [line.split(":", 1) for line in _read(PROC / "cpuinfo").splitlines() if ":" in line]
    values = {key.strip(): value.strip() for key, value in rows}
    name = values.get("model name", "")
    clocks = _read(SYS / "devices/system/clocksource/clocksource0/available_clocksource").split()
    if "TCG" in name or (name.startswith("QEMU Virtual CPU") and "kvm-clock" not in clocks):
        return True
    # QEMU's own `max`, of no maker; and its `virt` board with the clock that it gives to an imitation only.
    if (values.get("CPU implementer"), values.get("CPU part")) in {("0x00", "0x051"), ("0x0", "0x51")}:
        return True
    board = _read(PROC / "device-tree/compatible").strip("\0")
    return board == "linux,dummy-virt" and values.get("BogoMIPS") == "125.00"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
