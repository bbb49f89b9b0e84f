"""What the kernel's files say of a processor: its features, and whether it is emulated.

Times of an emulated processor say nothing about a real one.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
SYS = Path("/sys")

X86 = frozenset({"x86_64", "i386", "i486", "i586", "i686"})


FEATURES = (
    "avx2",
    "avx_vnni",
    "avx512f",
    "avx512_vnni",
    "amx_int8",
    "asimdhp",  # float16 arithmetic
    "asimddp",  # 8-bit dot products
    "i8mm",
    "sve",
)
"""What decides how fast a quantized network runs: features for which XNNPACK has kernels, by Linux's names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What may show that a processor is emulated; empty where it cannot be read.

    Attributes:
        architecture: of programs, as `uname -m` says.
        kernel: the kernel's own, of `/proc/sys/kernel/arch`.
        cpuinfo: `/proc/cpuinfo`, or its first processor.
        clocks: the clock sources that there are.
        board: `compatible` of the device tree.
    """

    architecture: str
    kernel: str
    cpuinfo: str
    clocks: str
    board: str


def is_emulated() -> bool:
    """Whether this machine's processor is emulated (see `looks_emulated`)."""
    return looks_emulated(
        Traits(
            architecture=platform.machine(),
            kernel=_read(PROC / "sys/kernel/arch").strip(),
            cpuinfo=_read(PROC / "cpuinfo"),
            clocks=_read(SYS / "devices/system/clocksource/clocksource0/available_clocksource"),
            board=_read(PROC / "device-tree/compatible").strip("\0"),
        )
    )


def looks_emulated(traits: Traits) -> bool:
    """Whether QEMU emulates the processor, as far as the kernel's files show it.

    One program under qemu-user, on a kernel of another architecture; or a whole machine under QEMU without KVM. An
    imitation that copies a real processor's description in every detail stays unnoticed.
    """
    rows = [line.split(":", 1) for line in traits.cpuinfo.splitlines() if ":" in line]
    cpu = {key.strip(): value.strip() for key, value in rows}
    return _is_one_program(traits, cpu) or _is_whole_machine(traits, cpu)


def _is_one_program(traits: Traits, cpu: dict[str, str]) -> bool:
    if traits.kernel and not _is_same(traits.kernel, traits.architecture):
        return True
    return traits.architecture not in X86 and {"vendor_id", "flags"} <= cpu.keys()


def _is_same(kernel: str, architecture: str) -> bool:
    # A 64-bit kernel runs 32-bit programs of the same architecture without emulation.
    families = (X86, frozenset({"aarch64", "armv8l", "armv7l", "armv6l", "arm"}))
    return kernel == architecture or any({kernel, architecture} <= family for family in families)


def _is_whole_machine(traits: Traits, cpu: dict[str, str]) -> bool:
    name = cpu.get("model name", "")
    if "TCG" in name or (name.startswith("QEMU Virtual CPU") and "kvm-clock" not in traits.clocks.split()):
        return True
    # QEMU's own processor `max`; and its `virt` board with the clock that it has only under emulation.
    if (cpu.get("CPU implementer"), cpu.get("CPU part")) in {("0x00", "0x051"), ("0x0", "0x51")}:
        return True
    return traits.board == "linux,dummy-virt" and cpu.get("BogoMIPS") == "125.00"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def processor_features(cpuinfo: str) -> tuple[str, ...]:
    """The features among `FEATURES` that `/proc/cpuinfo`, or its first processor, lists; empty where it lists none."""
    rows = [line.split(":", 1) for line in cpuinfo.splitlines() if ":" in line]
    listed = {word for key, value in rows if key.strip() in ("flags", "Features") for word in value.split()}
    return tuple(name for name in FEATURES if name in listed)
