"""The figures that a trial yields: one table of names, units and which way is better.

The same names stand in spaces (`objectives`, `constraints`), on the command line (`--by`, `--max`), in MLflow, in JSON
and on axes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mqn.errors import UnknownNameError

Direction = Literal["maximize", "minimize"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A figure: what it says and which way is better."""

    name: str
    label: str
    unit: str
    direction: Direction
    paper_digits: int = 2

    @property
    def axis(self) -> str:
        """The label with its unit, for axes and table heads."""
        return f"{self.label} ({self.unit})" if self.unit else self.label


def _table() -> dict[str, Quantity]:
    rows: list[tuple[str, str, str, Direction, int]] = [
        ("psnr_tm", "PSNR-TM", "dB", "maximize", 2),
        ("ssim_tm", "SSIM-TM", "", "maximize", 4),
        ("psnr_tm_reinhard", "PSNR-TM Reinhard", "dB", "maximize", 2),
        ("ssim_tm_reinhard", "SSIM-TM Reinhard", "", "maximize", 4),
        ("pu21_psnr", "PU21-PSNR", "dB", "maximize", 2),
        ("pu21_ssim", "PU21-SSIM", "", "maximize", 4),
    ]
    accuracy = [Quantity(name=n, label=la, unit=u, direction=d, paper_digits=p) for n, la, u, d, p in rows]
    derived = []
    for quantity in accuracy:
        for suffix, words, direction in (
            ("float", "float network", quantity.direction),
            ("drop", "lost to quantization", "minimize"),
            ("baseline", "did nothing", quantity.direction),
        ):
            derived.append(
                Quantity(
                    name=f"{quantity.name}_{suffix}",
                    label=f"{quantity.label}, {words}",
                    unit=quantity.unit,
                    direction=direction,
                    paper_digits=quantity.paper_digits,
                )
            )
    cost = [
        Quantity(name="latency_ms", label="Latency p50", unit="ms", direction="minimize"),
        Quantity(name="latency_ms.p90", label="Latency p90", unit="ms", direction="minimize"),
        Quantity(name="latency_ms.backbone", label="Backbone latency p50", unit="ms", direction="minimize"),
        Quantity(name="latency_ms.head", label="Head latency p50", unit="ms", direction="minimize"),
        Quantity(name="peak_memory_mb", label="Peak memory", unit="MB", direction="minimize"),
        Quantity(name="size_bytes", label="File size", unit="bytes", direction="minimize", paper_digits=0),
        Quantity(name="parameters", label="Parameters", unit="", direction="minimize", paper_digits=0),
        Quantity(name="macs", label="Multiply-accumulates", unit="MAC", direction="minimize", paper_digits=0),
    ]
    return {quantity.name: quantity for quantity in (*accuracy, *derived, *cost)}


QUANTITIES = _table()


def quantity(name: str) -> Quantity:
    """Look a figure up by name.

    Raises:
        UnknownNameError: there is no such figure; names the nearest.
    """
    try:
        return QUANTITIES[name]
    except KeyError:
        raise UnknownNameError("metric", name, QUANTITIES) from None
