"""The features page: Figure 3, then a Figure 5 for every exported model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from mqn.features.captions import attention_note, attention_title, figure_rows, number, quantized_note, quantized_title
from mqn.features.differences import FeatureFigures
from mqn.features.drawings import WIDTH, draw_attention, draw_quantized
from mqn.features.views import AttentionView, QuantizedFigures, QuantizedView
from mqn.look.blocks import Cell, Row, Section, Table, Text, Tiles
from mqn.look.charts import chart
from mqn.look.page import render, write_page

_TABLE_HEIGHT = 420


def write_feature_page(attention: AttentionView | None, quantized: Sequence[QuantizedView], path: Path) -> None:
    """Write the page: about 5 MB, and 16 bytes for each pixel of each channel that is shown.

    Without `attention` there is no Figure 3. Raises `UsageError` if the file cannot be written.
    """
    sections = [_attention(attention)] if attention is not None else []
    for model, view in enumerate(quantized):
        sections += [_picture(view, model, place) for place in range(len(view.maps))]
        sections.append(_table(view.figures))
    note = (
        "The paper's Figures 3 and 5. Predictions are shown through the mu-law; the pointer tells a map's values. "
        "SQNR: signal to quantization noise. PMF distance: total variation, 0 to 1."
    )
    noises = ((dict(figure_rows(view.figures.all))["SQNR"], view.figures) for view in quantized)
    tiles = Tiles(tuple((noise, f"SQNR at {figures.interface}: {figures.model}") for noise, figures in noises))
    write_page(path, render("Features", [Text(note), tiles], sections))


def _attention(view: AttentionView) -> Section:
    figures = view.figures
    note = f"Input: {figures.picture}. {attention_note(figures)}"
    drawn = chart(draw_attention(view), "attention", width=WIDTH)
    return Section(title=attention_title(figures), blocks=(Text(note), drawn))


def _picture(view: QuantizedView, model: int, place: int) -> Section:
    figures = view.figures
    found = figures.pictures[place]
    rows = ", ".join(f"{name} {value}" for name, value in figure_rows(found.all))
    note = f"All channels: {rows}. {quantized_note(figures)}."
    drawn = chart(draw_quantized(view, place), f"quantized-{model}-{place}", width=WIDTH)
    return Section(title=f"{quantized_title(figures)}: {found.picture}", blocks=(Text(note), drawn))


def _table(figures: QuantizedFigures) -> Section:
    """Every channel in every picture; those that are shown stand out."""
    names = ("channel", *(name for name, _, _ in _columns(figures.all)))
    rows = tuple(
        Row(
            cells=(
                Cell(text=found.picture),
                Cell(text=str(channel), value=channel, kind="number"),
                *(Cell(text=text, value=value, kind="number") for _, value, text in _columns(measured)),
            ),
            best=channel in figures.chosen,
        )
        for found in figures.pictures
        for channel, measured in enumerate(found.channels)
    )
    head = (Cell(text="picture"), *(Cell(text=name, kind="number") for name in names))
    table = Table(head=head, rows=rows, sortable=True, height=_TABLE_HEIGHT)
    title = f"{figures.model} ({figures.plan}): every channel"
    return Section(title=title, blocks=(Text("Shaded: shown above."), table))


def _columns(figures: FeatureFigures) -> Iterator[tuple[str, float | None, str]]:
    """Name, value and text of a channel's cells."""
    used, clipped = figures.range_used, figures.clipped
    yield "mean |difference|", figures.mean_difference, number(figures.mean_difference)
    yield "largest |difference|", figures.largest_difference, number(figures.largest_difference)
    yield "SQNR (dB)", figures.sqnr_db, "" if figures.sqnr_db is None else f"{figures.sqnr_db:.1f}"
    yield "PMF distance", figures.pmf_distance, f"{figures.pmf_distance:.3f}"
    yield "range used (%)", used, "" if used is None else f"{100 * used:.1f}"
    yield "clipped (%)", clipped, "" if clipped is None else f"{100 * clipped:.2f}"
