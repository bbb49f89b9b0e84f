"""The paper's Figure 3 as PNG: feature maps of networks with different attentions, on the same picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from mqn.export.feature_views import AttendedFigures, AttendedMaps, AttentionView
from mqn.report.canvas import save_figure
from mqn.report.feature_words import attention_note, attention_title, channel_words, gate_words, range_words, shortened
from mqn.report.map_colors import GATE_COLORS, MAP_COLORS, color_limits
from mqn.report.map_sheet import CAPTION_SIZE, Sheet, caption_above, show_light, show_map, show_picture
from mqn.report.palette import ACCENT, FAINT, GRID, MUTED

_FOOT = 0.14
_ROOM = 0.09
_NUMBERED = 16


def write_attention_png(view: AttentionView, path: Path) -> None:
    """Draw a network a row: prediction, chosen channels, and the attention where the block has one.

    Args:
        view: what was found.
        path: the .png file to write.

    Raises:
        UsageError: the file cannot be written.
    """
    figures = view.figures
    shown = max(len(model.chosen) for model in figures.models)
    attended = any(maps.gates is not None for maps in view.maps)
    columns = [1.0] * (2 + shown + attended)
    sheet = Sheet(attention_title(figures), attention_note(figures), rows=len(view.maps), columns=columns, foot=_FOOT)
    show_picture(sheet.cell(0, 0), view.ldr, f"input: {shortened(figures.picture)}")
    for row, (model, maps) in enumerate(zip(figures.models, view.maps, strict=True)):
        prediction = sheet.cell(row, 1)
        show_light(prediction, maps.light, "")
        caption_above(prediction, model.attention, strong=True)
        if model.model != model.attention:
            caption_above(prediction, shortened(model.model, 20), side="right")
        for place, channel in enumerate(model.chosen):
            values = maps.features[place]
            caption = f"{channel_words(model, channel)}: {range_words(values)}"
            show_map(sheet.cell(row, 2 + place), values, caption, color_limits(values), MAP_COLORS)
        if attended:
            _draw_gates(sheet.cell(row, len(columns) - 1), model, maps)
    save_figure(sheet.figure, path)


def _draw_gates(axes: Axes, model: AttendedFigures, maps: AttendedMaps) -> None:
    """A map where gates vary over the picture, a bar a channel where they do not."""
    gates = maps.gates
    if gates is None:
        axes.text(0.5, 0.5, gate_words(None), transform=axes.transAxes, ha="center", fontsize=CAPTION_SIZE, color=MUTED)
        return
    if gates.shape[1:] != (1, 1):
        gate = gates.mean(axis=0)
        show_map(axes, gate, gate_words(gates), color_limits(gate), GATE_COLORS)
        return
    values = gates[:, 0, 0]
    channels = np.arange(len(values))
    axes.barh(channels, values, height=0.8, color=[ACCENT if k in model.chosen else FAINT for k in channels])
    axes.set_ylim(len(values) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.5, 1])
    axes.set_yticks([k for k in channels if k in model.chosen or len(values) <= _NUMBERED])
    axes.tick_params(colors=MUTED, length=0, labelsize=6.5, pad=2)
    place = axes.get_position()
    axes.set_position(
        (
            place.x0 + _ROOM * place.width,
            place.y0 + _ROOM * place.height,
            (1 - 1.5 * _ROOM) * place.width,
            (1 - _ROOM) * place.height,
        )
    )
    axes.grid(color=GRID, lw=0.6, axis="x")
    axes.set_axisbelow(True)
    caption_above(axes, gate_words(gates))
