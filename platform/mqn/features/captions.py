"""Words of figures about features, the same on pictures and on pages."""

from __future__ import annotations

import math

import numpy as np

from mqn.features.channels import NAMED
from mqn.features.differences import FeatureFigures
from mqn.features.map_colors import OUTERMOST, difference_limits
from mqn.features.views import AttendedFigures, AttentionFigures, QuantizedFigures

_MOST_DIGITS = 4

COLORS_END = f"the outermost {OUTERMOST:g} % alike"
FLOAT, FILE = "float network", "exported file"


def number(value: float) -> str:
    """Three digits that count, never as a power of ten between 0.001 and 100,000."""
    if value == 0 or not 1e-3 <= abs(value) < 1e5:
        return f"{value:.3g}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def range_words(*maps: np.ndarray) -> str:
    """From the least to the largest value of some maps, to about a hundredth of what lies between."""
    least, largest = min(float(one.min()) for one in maps), max(float(one.max()) for one in maps)
    if least == largest:
        return number(least)
    digits = max(0, 2 - math.floor(math.log10(largest - least)))
    if digits > _MOST_DIGITS:
        return f"{least:.3g} to {largest:.3g}"
    return " to ".join(f"{value:.{digits}f}" if round(value, digits) else "0" for value in (least, largest))


def difference_words(difference: np.ndarray, what: str = "|difference|") -> str:
    """The value of the brightest colour, and the largest value, which may lie beyond."""
    bright, largest = difference_limits(difference)[1], float(difference.max())
    return f"{what}: bright {number(bright)}, most {number(largest)}"


def shortened(name: str, length: int = 27) -> str:
    """A name that fits above a map; its end tells more than its beginning."""
    return name if len(name) <= length else f"\u2026{name[1 - length :]}"


def figure_rows(figures: FeatureFigures) -> list[tuple[str, str]]:
    """Names and values of what was measured; what a file in float does not have is left out."""
    exact = figures.mean_difference == 0
    rows = [
        ("mean |difference|", number(figures.mean_difference)),
        ("SQNR", f"{figures.sqnr_db:.1f} dB" if figures.sqnr_db is not None else "exact" if exact else "no signal"),
        ("PMF distance", f"{figures.pmf_distance:.3f}"),
    ]
    if figures.range_used is not None and figures.clipped is not None:
        rows += [("range used", f"{100 * figures.range_used:.0f} %"), ("clipped", f"{100 * figures.clipped:.2g} %")]
    return rows


def quantized_title(figures: QuantizedFigures) -> str:
    """Which model, where."""
    return f"{figures.model} ({figures.plan}): features at {figures.interface}, float and quantized"


def quantized_note(figures: QuantizedFigures) -> str:
    """What is seen, and why these channels."""
    height, width, channels = figures.shape
    kept = figures.dtype
    if figures.grids:
        finest, widest = (which(figures.grids, key=lambda grid: grid.step) for which in (min, max))
        if finest == widest:
            kept += f", {number(widest.low)} to {number(widest.high)} in steps of {number(widest.step)}"
        else:
            kept += f", each channel in steps of its own, {number(finest.step)} to {number(widest.step)}"
    shown = f"{len(figures.chosen)} of {channels} channels, {figures.chosen_by}"
    return f"{height} x {width}, kept as {kept}; {shown}. Both in the same colours, {COLORS_END}"


def attention_title(figures: AttentionFigures) -> str:
    """Where, of how many networks."""
    count = len(figures.models)
    return f"Features at {figures.interface} of {count} trained network{'' if count == 1 else 's'}"


def attention_note(figures: AttentionFigures) -> str:
    """What is seen, and why these channels."""
    sizes = ", ".join(dict.fromkeys(f"{model.shape[0]} x {model.shape[1]}" for model in figures.models))
    named = figures.chosen_by == NAMED
    shown = f"channels {NAMED}" if named else f"each network's own channels of {figures.chosen_by}"
    return f"{sizes}; {shown}; every map in its own colours, dark is low, {COLORS_END}"


def gate_words(gates: np.ndarray | None) -> str:
    """What an attention multiplies by, (1 or C, H or 1, W or 1)."""
    if gates is None:
        return "no attention"
    if gates.shape[1:] == (1, 1):
        return f"a gate a channel: {range_words(gates)}"
    return f"{'gate' if len(gates) == 1 else 'mean of all gates'}: {range_words(gates.mean(axis=0))}"


def channel_words(model: AttendedFigures, channel: int) -> str:
    """A channel's number, and how far its block's attention lets it through."""
    gate = model.channels[channel].gate
    return f"channel {channel}" + ("" if gate is None else f", gate {gate:.2f}")
