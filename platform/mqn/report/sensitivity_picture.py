"""A picture of which layers mind being quantized."""

from __future__ import annotations

from pathlib import Path

from mqn.records import Sensitivity
from mqn.report.canvas import add_legend, open_figure, save_figure
from mqn.report.palette import FAINT, SERIES

_SHOWN = 30
_INCHES_A_LAYER = 0.22


def write_sensitivity_png(found: Sensitivity, path: Path) -> None:
    """Draw the most sensitive layers: what PSNR-TM loses, and the error of features at the cut.

    Args:
        found: what was measured.
        path: the .png file to write.

    Raises:
        UsageError: the file cannot be written.
    """
    layers = found.layers[:_SHOWN][::-1]
    title = f"{found.plan}: one layer quantized at a time, {len(layers)} of {len(found.layers)} layers"
    figure, (drops, errors) = open_figure(title, size=(11, 1.6 + _INCHES_A_LAYER * len(layers)), columns=2)
    places = range(len(layers))
    for axes, values, label in (
        (drops, [layer.psnr_tm_drop for layer in layers], f"PSNR-TM lost (dB), float has {found.psnr_tm_float:.2f}"),
        (errors, [100 * layer.interface_error for layer in layers], "Error of features at the cut (%)"),
    ):
        for number, scheme in enumerate(dict.fromkeys(layer.scheme for layer in layers)):
            own = [place for place in places if layers[place].scheme == scheme]
            color = SERIES[number % len(SERIES)]
            axes.barh(own, [values[place] for place in own], color=color, height=0.7, label=scheme)
        axes.set_xlabel(label)
        axes.axvline(0, color=FAINT, lw=1)
        axes.grid(visible=False, axis="y")
    drops.set_yticks(list(places), [layer.layer.removeprefix("backbone.") for layer in layers], fontsize=7.5)
    errors.set_yticks([])
    add_legend(figure, columns=3)
    save_figure(figure, path)
