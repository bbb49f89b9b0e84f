"""What stands in the rows of Figures 3 and 5: pictures, maps and functions with captions, for PNG and page alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mqn.features import captions
from mqn.features.differences import FeatureFigures, Pmf
from mqn.features.map_colors import DIFFERENCE_COLORS, GATE_COLORS, MAP_COLORS, color_limits, difference_limits
from mqn.features.views import AttendedFigures, AttendedMaps, AttentionView, QuantizedView
from mqn.hdr.tonemap import mulaw


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture (H, W, 3), display-referred, in [0, 1]; of two lines of caption the first one is bold."""

    image: np.ndarray
    caption: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Map:
    """Values (H, W) in colours; `limits` are the values of the darkest and the brightest colour."""

    values: np.ndarray
    caption: tuple[str, ...]
    colors: str
    limits: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Functions:
    """The PMF of a channel in float and in the file; the first of a figure names both."""

    pmf: Pmf
    named: bool
    caption: tuple[str, ...] = ("PMF: share of pixels by value",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gates:
    """A gate a channel, (C,) in [0, 1], as bars; those of the chosen channels in colour."""

    values: np.ndarray
    chosen: tuple[int, ...]
    caption: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Figures in words, or a caption alone."""

    caption: tuple[str, ...] = ()
    heading: str = ""
    rows: tuple[tuple[str, str], ...] = ()


Cell = Picture | Map | Functions | Gates | Words


def attention_rows(view: AttentionView) -> list[list[Cell]]:
    """Lay out a Figure 3: each row shows a network's prediction, its chosen channels and its gates.

    All rows have equally many cells. Without gates in any network there is no column for them.
    """
    models = view.figures.models
    shown = max(len(model.chosen) for model in models)
    attended = any(maps.gates is not None for maps in view.maps)
    rows: list[list[Cell]] = []
    for model, maps in zip(models, view.maps, strict=True):
        caption = (f"input: {captions.shortened(view.figures.picture)}",)
        row: list[Cell] = [Words() if rows else Picture(image=view.ldr, caption=caption)]
        own = "" if model.model == model.attention else captions.shortened(model.model)
        row.append(Picture(image=np.asarray(mulaw(maps.light)), caption=(model.attention, own)))
        row += [
            _map(values, (captions.channel_words(model, channel), captions.range_words(values)))
            for channel, values in zip(model.chosen, maps.features, strict=True)
        ]
        row += [Words()] * (2 + shown - len(row))
        rows.append([*row, _gates(model, maps)] if attended else row)
    return rows


def quantized_rows(view: QuantizedView, place: int) -> Iterator[list[Cell]]:
    """Lay out one picture of a Figure 5: predictions in the first row, then a row for each chosen channel.

    Each row has five cells, one of which holds figures in words.
    """
    maps, found = view.maps[place], view.figures.pictures[place]
    float_light, file_light = np.asarray(mulaw(maps.light)), np.asarray(mulaw(maps.light_found))
    yield [
        Picture(image=maps.ldr, caption=(f"input: {captions.shortened(found.picture)}",)),
        Picture(image=float_light, caption=(f"prediction, {captions.FLOAT}",)),
        Picture(image=file_light, caption=(f"prediction, {captions.FILE}",)),
        _difference(np.abs(file_light - float_light).max(axis=2), "|difference| as seen"),
        _words("all channels", found.all),
    ]
    for line, channel in enumerate(view.figures.chosen):
        float_map, file_map = maps.expected[line], maps.found[line]
        limits = color_limits(float_map, file_map)
        yield [
            _words(f"channel {channel}", found.channels[channel]),
            _map(float_map, (f"channel {channel}, float", captions.range_words(float_map)), limits),
            _map(file_map, ("quantized", captions.range_words(file_map)), limits),
            _difference(np.abs(file_map - float_map)),
            Functions(pmf=found.pmfs[line], named=line == 0),
        ]


def _map(values: np.ndarray, caption: tuple[str, ...], limits: tuple[float, float] | None = None) -> Map:
    return Map(values=values, caption=caption, colors=MAP_COLORS, limits=limits or color_limits(values))


def _difference(apart: np.ndarray, what: str = "|difference|") -> Map:
    caption = (captions.difference_words(apart, what),)
    return Map(values=apart, caption=caption, colors=DIFFERENCE_COLORS, limits=difference_limits(apart))


def _words(heading: str, figures: FeatureFigures) -> Words:
    return Words(heading=heading, rows=tuple(captions.figure_rows(figures)))


def _gates(model: AttendedFigures, maps: AttendedMaps) -> Cell:
    """A map where gates vary over the picture, a bar a channel where they do not."""
    caption = tuple(captions.gate_words(maps.gates).split(": "))
    if maps.gates is None:
        return Words(caption=caption)
    if maps.gates.shape[1:] == (1, 1):
        return Gates(values=maps.gates[:, 0, 0], chosen=model.chosen, caption=caption)
    gate = maps.gates.mean(axis=0)
    return Map(values=gate, caption=caption, colors=GATE_COLORS, limits=color_limits(gate))
