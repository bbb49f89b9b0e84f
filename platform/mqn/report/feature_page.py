"""Figures of features as one HTML file that works offline: Figure 3, then a Figure 5 for every exported model."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mqn.errors import UsageError
from mqn.export.feature_figures import FeatureFigures
from mqn.export.feature_views import AttentionView, QuantizedFigures, QuantizedView
from mqn.report.embedding import embed
from mqn.report.feature_drawings import WIDTH, draw_attention, draw_quantized
from mqn.report.feature_words import (
    attention_note,
    attention_title,
    figure_rows,
    number,
    quantized_note,
    quantized_title,
)
from mqn.report.listing import SCRIPT
from mqn.report.page_look import CONFIG, lay_out

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_TABLE_HEIGHT = 420


def write_feature_page(attention: AttentionView | None, quantized: Sequence[QuantizedView], path: Path) -> None:
    """Write the page.

    Args:
        attention: a Figure 3; None leaves it out.
        quantized: Figures 5, one a model.
        path: the .html file to write: about 5 MB, and 16 bytes for each pixel of each channel that is shown.

    Raises:
        UsageError: the file cannot be written.
    """
    scripts: list[str] = []
    sections = [_attention(attention, scripts)] if attention is not None else []
    for model, view in enumerate(quantized):
        sections += [_picture(view, model, place, scripts) for place in range(len(view.maps))]
        sections.append(_table(view.figures))
    tiles = "".join(
        f'<div class="tile"><b>{html.escape(_noise(view.figures.all))}</b>'
        f"<span>SQNR at {html.escape(view.figures.interface)}: {html.escape(view.figures.model)}</span></div>"
        for view in quantized
    )
    note = (
        "The paper's Figures 3 and 5. Predictions are shown through the mu-law; the pointer tells a map's values. "
        "SQNR: signal to quantization noise. PMF distance: total variation, 0 to 1."
    )
    text = lay_out(
        "Features", note, f'<div class="tiles">{tiles}</div>', "\n".join(sections), scripts=[*scripts, SCRIPT]
    )
    try:
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error


def _attention(view: AttentionView, scripts: list[str]) -> str:
    figures = view.figures
    note = f"Input: {figures.picture}. {attention_note(figures)}"
    return _section(attention_title(figures), note, _embedded(draw_attention(view), "attention", scripts))


def _picture(view: QuantizedView, model: int, place: int, scripts: list[str]) -> str:
    figures = view.figures
    found = figures.pictures[place]
    rows = ", ".join(f"{name} {value}" for name, value in figure_rows(found.all))
    note = f"All channels: {rows}. {quantized_note(figures)}."
    drawn = _embedded(draw_quantized(view, place), f"quantized-{model}-{place}", scripts)
    return _section(f"{quantized_title(figures)}: {found.picture}", note, drawn)


def _table(figures: QuantizedFigures) -> str:
    """Every channel in every picture; those that are shown stand out."""
    heads = ["", *(["n"] * 7)], ["picture", "channel", *(name for name, _, _ in _columns(figures.all))]
    head = "".join(f'<th class="{kind}">{html.escape(text)}</th>' for kind, text in zip(*heads, strict=False))
    rows = "".join(
        _row(found.picture, channel, figures.chosen, measured)
        for found in figures.pictures
        for channel, measured in enumerate(found.channels)
    )
    table = f'<table class="sortable"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
    body = f'<div class="scroll" style="max-height:{_TABLE_HEIGHT}px">{table}</div>'
    return _section(f"{figures.model} ({figures.plan}): every channel", "Shaded: shown above.", body)


def _row(picture: str, channel: int, chosen: Sequence[int], figures: FeatureFigures) -> str:
    cells = "".join(
        f'<td class="n" data-v="{"" if value is None else value}">{text}</td>' for _, value, text in _columns(figures)
    )
    best = ' class="best"' if channel in chosen else ""
    return f'<tr{best}><td>{html.escape(picture)}</td><td class="n" data-v="{channel}">{channel}</td>{cells}</tr>'


def _columns(figures: FeatureFigures) -> list[tuple[str, float | None, str]]:
    """Name, value and text of a channel's cells."""
    used, clipped = figures.range_used, figures.clipped
    return [
        ("mean |difference|", figures.mean_difference, number(figures.mean_difference)),
        ("largest |difference|", figures.largest_difference, number(figures.largest_difference)),
        ("SQNR (dB)", figures.sqnr_db, "" if figures.sqnr_db is None else f"{figures.sqnr_db:.1f}"),
        ("PMF distance", figures.pmf_distance, f"{figures.pmf_distance:.3f}"),
        ("range used (%)", used, "" if used is None else f"{100 * used:.1f}"),
        ("clipped (%)", clipped, "" if clipped is None else f"{100 * clipped:.2f}"),
    ]


def _noise(figures: FeatureFigures) -> str:
    return dict(figure_rows(figures))["SQNR"]


def _embedded(figure: Figure, name: str, scripts: list[str]) -> str:
    text = embed(figure, name, CONFIG | {"displayModeBar": "hover"}, scripts)
    return f'<div class="scroll"><div style="min-width:{WIDTH}px">{text}</div></div>'


def _section(title: str, note: str, body: str) -> str:
    return f'<section class="wide"><h2>{html.escape(title)}</h2><p>{html.escape(note)}</p>{body}</section>'
