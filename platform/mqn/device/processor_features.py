"""What a processor can do that decides how fast a quantized network runs there."""

from __future__ import annotations

NAMED = (
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
"""By Linux's names: those for which XNNPACK has kernels of their own."""


def processor_features(cpuinfo: str) -> tuple[str, ...]:
    """The features among `NAMED` that `/proc/cpuinfo`, or its first processor, lists; empty where it lists none."""
    rows = [line.split(":", 1) for line in cpuinfo.splitlines() if ":" in line]
    listed = {word for key, value in rows if key.strip() in ("flags", "Features") for word in value.split()}
    return tuple(name for name in NAMED if name in listed)
