"""The figures of a trial: one table of names, units and directions.

The same names stand in spaces (`objectives`, `constraints`), on the command line (`--by`, `--max`), in MLflow, in JSON
and on axes. A figure that a device tells may name its target: `latency_ms/board`. `quantity` checks a name, `canonical`
settles its spelling, and `figures_by_name` gives a trial's values by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from mqn.errors import UnknownNameError

Direction = Literal["maximize", "minimize"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A figure: its name, label, unit and direction."""

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
        """A value with four significant digits, without its unit: `1,225,000`, `0.5523`, `20.75`."""
        return f"{value:,.0f}" if self.paper_digits == 0 and abs(value) >= 1 else number_text(value)

    def table_text(self, value: float) -> str:
        """A value for a table's column, with the paper's number of decimals: `20.75`, `0.5520`."""
        return f"{value:,.{self.paper_digits}f}"


def number_text(value: float) -> str:
    """A number with four significant digits and without an exponent: `1,225,000`."""
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


def _derived(one: Quantity) -> list[Quantity]:
    return [
        replace(one, name=one.name + suffix, label=one.label + words, direction=direction or one.direction)
        for suffix, words, direction in _DERIVED
    ]


_DEVICE: tuple[tuple[str, str, str, int], ...] = (
    ("latency_ms", "Latency p50", "ms", 2),
    ("latency_ms.p50_low", "Latency p50, lower end of its 95 % range", "ms", 2),
    ("latency_ms.p50_high", "Latency p50, upper end of its 95 % range", "ms", 2),
    ("latency_ms.p90", "Latency p90", "ms", 2),
    ("latency_ms.backbone", "Backbone latency p50", "ms", 2),
    ("latency_ms.head", "Head latency p50", "ms", 2),
    ("peak_memory_mb", "Peak memory", "MB", 2),
    ("undelegated_memory_mb", "Peak memory without a delegate", "MB", 2),
    ("undelegated_operators", "Operators outside the delegate", "", 0),
)
"""Name, label, unit and digits of what a device tells; less is better."""

DEVICE_FIGURES = frozenset(name for name, _, _, _ in _DEVICE)
"""Figures that may name their device, or the target that a study calls it by: `latency_ms/board`."""


def _table() -> dict[str, Quantity]:
    accuracy = _accuracy()
    derived = [one for quantity in accuracy for one in _derived(quantity)]
    cost = [
        *(
            Quantity(name=name, label=label, unit=unit, direction="minimize", paper_digits=digits)
            for name, label, unit, digits in _DEVICE
        ),
        Quantity(name="size_bytes", label="File size", unit="bytes", direction="minimize", paper_digits=0),
        Quantity(name="parameters", label="Parameters", unit="", direction="minimize", paper_digits=0),
        Quantity(name="macs", label="Multiply-accumulates", unit="MAC", direction="minimize", paper_digits=0),
    ]
    return {quantity.name: quantity for quantity in (*accuracy, *derived, *cost)}


QUANTITIES = _table()
_MEASURES = frozenset(quantity.name for quantity in _accuracy())

_ALIASES = {"latency_ms.p50": "latency_ms"}
"""Second spellings: MLflow and tables call a target's median latency `latency_ms.p50/board`."""


def split_target(name: str) -> tuple[str, str | None]:
    """Split a name, such as `latency_ms/board`, into figure and target.

    The figure gets its canonical spelling. The target is None where the name has none.
    """
    base, separator, target = name.partition("/")
    return _ALIASES.get(base, base), target if separator else None


def canonical(name: str) -> str:
    """The one spelling of a name: `latency_ms/board` for `latency_ms.p50/board`."""
    base, target = split_target(name)
    return base if target is None else f"{base}/{target}"


def tracked_name(name: str) -> str:
    """The spelling of a name in MLflow and in tables of trials: `latency_ms.p50/board` for `latency_ms/board`."""
    base, target = split_target(name)
    return canonical(name) if target is None or base != "latency_ms" else f"latency_ms.p50/{target}"


def is_device_figure(name: str) -> bool:
    """Whether a device tells the figure, with or without a target in its name."""
    return split_target(name)[0] in DEVICE_FIGURES


def device_figures_in(figures: Mapping[str, float]) -> dict[str, float]:
    """The device figures among the figures of a measurement, which knows its files' size too."""
    return {name: value for name, value in figures.items() if is_device_figure(name)}


def measure_of(name: str) -> str | None:
    """The accuracy measure that a figure is made from: `psnr_tm` for `psnr_tm_drop`; None for other figures."""
    for suffix, _, _ in _DERIVED:
        name = name.removesuffix(suffix)
    return name if name in _MEASURES else None


def figures_by_name(
    figures: Mapping[str, float], device_figures: Mapping[str, Mapping[str, float]], device: str | None = None
) -> dict[str, float]:
    """Every figure of a trial by each of its canonical names.

    Args:
        figures: those that no device tells.
        device_figures: by target, the targets in the order of the profile.
        device: the target that names without a target mean; None: the first.
    """
    whose = next(iter(device_figures), None) if device is None else device
    named = {f"{name}/{target}": value for target, own in device_figures.items() for name, value in own.items()}
    return {**figures, **named, **device_figures.get(whose or "", {})}


def by_target(figures: Mapping[str, float]) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Part figures by full name, such as `latency_ms/board`, into those that no device tells and those of each target.

    Returns:
        Both as `figures_by_name` takes them.
    """
    shared: dict[str, float] = {}
    told: dict[str, dict[str, float]] = {}
    for name, value in figures.items():
        base, target = split_target(name)
        (shared if target is None else told.setdefault(target, {}))[base] = value
    return shared, told


def find_quantity(name: str) -> Quantity | None:
    """Look a figure up by name, with or without a target.

    Returns:
        The figure; with a target its label names it: `Latency p50, board`. None: there is no such figure.
    """
    base, target = split_target(name)
    found = QUANTITIES.get(base)
    if target is None or found is None:
        return found
    if not target or base not in DEVICE_FIGURES:
        return None
    return replace(found, name=canonical(name), label=f"{found.label}, {target}")


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
