"""The figures that a trial yields: one table of names, units and which way is better.

The same names stand in spaces (`objectives`, `constraints`), on the command line (`--by`, `--max`), in MLflow, in JSON
and on axes. A figure that a device tells may name whose it is: `latency_ms/board`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
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

    def text(self, value: float) -> str:
        """A value as people read it, without its unit: `1,225,000`, `0.5523`, `20.75`; four digits that count."""
        return f"{value:,.0f}" if self.paper_digits == 0 and abs(value) >= 1 else number_text(value)

    def table_text(self, value: float) -> str:
        """A value for a column of its own kind, with the paper's digits behind the point: `20.75`, `0.5520`."""
        return f"{value:,.{self.paper_digits}f}"


def number_text(value: float) -> str:
    """A number by four digits that count, and without an exponent that people have to count out: `1,225,000`."""
    shown = f"{value:.4g}"
    return f"{value:,.0f}" if "e+" in shown else shown


_ACCURACY: tuple[tuple[str, str, str, Direction, int], ...] = (
    ("psnr_tm", "PSNR-TM", "dB", "maximize", 2),
    ("ssim_tm", "SSIM-TM", "", "maximize", 4),
    ("psnr_tm_reinhard", "PSNR-TM Reinhard", "dB", "maximize", 2),
    ("ssim_tm_reinhard", "SSIM-TM Reinhard", "", "maximize", 4),
    ("psnr_tm_drago", "PSNR-TM Drago", "dB", "maximize", 2),
    ("ssim_tm_drago", "SSIM-TM Drago", "", "maximize", 4),
    ("psnr_tm_mantiuk", "PSNR-TM Mantiuk", "dB", "maximize", 2),
    ("ssim_tm_mantiuk", "SSIM-TM Mantiuk", "", "maximize", 4),
    ("psnr_tm_legacy", "PSNR-TM legacy", "dB", "maximize", 2),
    ("ssim_tm_legacy", "SSIM-TM legacy", "", "maximize", 4),
    ("pu21_psnr", "PU21-PSNR", "dB", "maximize", 2),
    ("pu21_ssim", "PU21-SSIM", "", "maximize", 4),
    ("hdrvdp_q", "HDR-VDP-2.2 Q", "", "maximize", 2),
    ("hdrvdp_q_p3", "HDR-VDP-2.2 Q p3", "", "maximize", 2),
    ("angular_error_deg", "Angular colour error", "degrees", "minimize", 2),
    ("clipped_error", "Clipped-region error", "log10", "minimize", 3),
    ("cvvdp", "ColorVideoVDP", "JOD", "maximize", 2),
)
"""Name, label, unit, direction and digits of each base measure (`mqn.metrics.measures` computes them)."""

_ALIGNMENTS = {"": "", "_gain": ", gain-aligned", "_crf": ", response-corrected"}
_DERIVED: tuple[tuple[str, str, Direction | None], ...] = (
    ("_float", ", float network", None),
    ("_drop", ", lost to quantization", "minimize"),
    ("_baseline", ", did nothing", None),
)


def _accuracy() -> list[Quantity]:
    return [
        Quantity(name=name + suffix, label=label + words, unit=unit, direction=direction, paper_digits=digits)
        for suffix, words in _ALIGNMENTS.items()
        for name, label, unit, direction, digits in _ACCURACY
    ]


def _derived(quantity: Quantity) -> list[Quantity]:
    return [
        Quantity(
            name=quantity.name + suffix,
            label=quantity.label + words,
            unit=quantity.unit,
            direction=direction or quantity.direction,
            paper_digits=quantity.paper_digits,
        )
        for suffix, words, direction in _DERIVED
    ]


_DEVICE: tuple[tuple[str, str, str], ...] = (
    ("latency_ms", "Latency p50", "ms"),
    ("latency_ms.p50_low", "Latency p50, lower end of its 95 % range", "ms"),
    ("latency_ms.p50_high", "Latency p50, upper end of its 95 % range", "ms"),
    ("latency_ms.p90", "Latency p90", "ms"),
    ("latency_ms.backbone", "Backbone latency p50", "ms"),
    ("latency_ms.head", "Head latency p50", "ms"),
    ("peak_memory_mb", "Peak memory", "MB"),
    ("undelegated_memory_mb", "Peak memory without a delegate", "MB"),
)
"""Name, label and unit of what a device tells; less is better."""

DEVICE_FIGURES = frozenset(name for name, _, _ in _DEVICE)
"""Figures that may name their device, or the target that a study calls it by: `latency_ms/board`."""


def _table() -> dict[str, Quantity]:
    accuracy = _accuracy()
    derived = [one for quantity in accuracy for one in _derived(quantity)]
    cost = [
        *(Quantity(name=name, label=label, unit=unit, direction="minimize") for name, label, unit in _DEVICE),
        Quantity(name="size_bytes", label="File size", unit="bytes", direction="minimize", paper_digits=0),
        Quantity(name="parameters", label="Parameters", unit="", direction="minimize", paper_digits=0),
        Quantity(name="macs", label="Multiply-accumulates", unit="MAC", direction="minimize", paper_digits=0),
    ]
    return {quantity.name: quantity for quantity in (*accuracy, *derived, *cost)}


QUANTITIES = _table()


def split_target(name: str) -> tuple[str, str | None]:
    """Part a figure from the target that it names.

    Args:
        name: `latency_ms/board`, or a name without a target.

    Returns:
        The figure and the target; None where it names none.
    """
    base, separator, target = name.partition("/")
    return base, target if separator else None


def find_quantity(name: str) -> Quantity | None:
    """Look a figure up by name, with or without a target.

    Returns:
        The figure; of a target its label says whose: `Latency p50, board`. None: there is no such figure.
    """
    base, target = split_target(name)
    found = QUANTITIES.get(base)
    if target is None or found is None:
        return found
    if not target or base not in DEVICE_FIGURES:
        return None
    return replace(found, name=name, label=f"{found.label}, {target}")


def quantity(name: str) -> Quantity:
    """Look a figure up by name, with or without a target.

    Raises:
        UnknownNameError: there is no such figure; names the nearest.
    """
    found = find_quantity(name)
    if found is None:
        base, target = split_target(name)
        if base in QUANTITIES and target is not None:
            devices = (f"{figure}/{target or 'DEVICE'}" for figure in DEVICE_FIGURES)
            raise UnknownNameError("metric", name, devices, "only these are a device's own")
        raise UnknownNameError(
            "metric", name if target is None else base, QUANTITIES, "all of them: mqn describe --metrics"
        )
    return found
