"""A picture of layers' sensitivity to quantization."""

from __future__ import annotations

from pathlib import Path

from mqn.look.canvas import picture
from mqn.look.palette import FAINT, SERIES
from mqn.records import Sensitivity

_SHOWN = 30
_INCHES_A_LAYER = 0.22


def write_sensitivity_png(found: Sensitivity, path: Path) -> None:
    """Draw the most sensitive layers: PSNR-TM lost, and the error of features at the cut.

    Raises `UsageError` if the file cannot be written.
    """
    layers = found.layers[:_SHOWN][::-1]
    title = f"{found.plan}: one layer quantized at a time, {len(layers)} of {len(found.layers)} layers"
    size = (11, 1.6 + _INCHES_A_LAYER * len(layers))
    lost = f"PSNR-TM lost (dB), float has {found.psnr_tm_float:.2f}"
    with picture(path, title, legend=3, size=size, columns=2) as (drops, errors):
        places = range(len(layers))
        for axes, values, label in (
            (drops, [layer.psnr_tm_drop for layer in layers], lost),
            (errors, [100 * layer.interface_error for layer in layers], "Error of features at the cut (%)"),
        ):
            for number, scheme in enumerate(dict.fromkeys(layer.scheme for layer in layers)):
                own = [place for place in places if layers[place].scheme == scheme]
                color = SERIES[number % len(SERIES)]
                axes.barh(own, [values[place] for place in own], color=color, height=0.7, label=scheme)
            axes.set_xlabel(label)
            axes.axvline(0, color=FAINT, lw=1)
            axes.grid(visible=False, axis="y")
        drops.set_yticks(list(places), [layer.layer for layer in layers], fontsize=7.5)
        errors.set_yticks([])
