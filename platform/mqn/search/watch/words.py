"""Amounts and times of drivers in words."""

from __future__ import annotations


def amount_text(name: str, amount: float) -> str:
    """So much of a resource of Ray's: `8 CPU`, `31.2 GiB`."""
    return f"{amount / 2**30:.3g} GiB" if name == "memory" else f"{amount:g} {name}"


def long_text(seconds: float) -> str:
    """How long: `45 s`, `12 min`, `1.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
