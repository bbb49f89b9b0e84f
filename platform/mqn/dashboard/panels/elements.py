"""What pages are made of (`mqn.look.blocks`) as Dash's components. React escapes every text of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dash import dcc, html

from mqn.look.blocks import Block, Cell, Facts, Heading, Row, Table, Text, Tiles
from mqn.look.charts import CONFIG


def draw_blocks(blocks: Iterable[Block]) -> list[Any]:
    """Texts, headings, tables, tiles and facts as components; the other blocks belong to pages that are files."""
    return [_draw(block) for block in blocks]


def _draw(block: Block) -> Any:
    match block:
        case Text():
            return html.P(block.text, className=block.tone)
        case Heading():
            return html.H3(block.text)
        case Tiles():
            tiles = [html.Div([html.B(value), html.Span(words)], className="tile") for value, words in block.tiles]
            return html.Div(tiles, className="tiles")
        case Facts():
            return html.Dl([html.Div([html.Dt(name), html.Dd(value)]) for name, value in block.facts])
        case Table():
            return _table(block)
        case _:
            raise TypeError(f"{type(block).__name__} is a block of pages that are files")


def _table(block: Table) -> Any:
    head = html.Thead(html.Tr([html.Th(_texts(cell), className=cell.kind) for cell in block.head]))
    rows = [
        html.Tr(
            [html.Td(_texts(cell), className=cell.kind) for cell in row.cells], className="best" if row.best else ""
        )
        for row in block.rows
    ]
    style = {} if block.height is None else {"maxHeight": block.height}
    return html.Div(html.Table([head, html.Tbody(rows)]), className="scroll", style=style)


def _texts(cell: Cell) -> list[Any]:
    text = html.Span(cell.text, className=cell.tone) if cell.tone else cell.text
    return [text, *(html.Small(note) for note in cell.notes)]


def plain_table(head: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: Sequence[int] = ()) -> Table:
    """A table of texts; the columns whose indices are given stand flush right."""

    def cell(text: str, column: int) -> Cell:
        return Cell(text=text, kind="number" if column in numbers else "")

    return Table(
        head=tuple(cell(text, column) for column, text in enumerate(head)),
        rows=tuple(Row(cells=tuple(cell(text, column) for column, text in enumerate(row))) for row in rows),
    )


def graph(identity: Mapping[str, Any], figure: Any, *, style: Mapping[str, str], buttons: bool = True) -> Any:
    """A plotly figure."""
    config = CONFIG | {"displayModeBar": "hover" if buttons else False}
    return dcc.Graph(id=dict(identity), figure=figure, config=config, style=dict(style), responsive=True)


def section(title: str, children: Sequence[Any], *, wide: bool) -> Any:
    """A part of a tab with its heading."""
    return html.Section([html.H2(title), *children], className="wide" if wide else "")
