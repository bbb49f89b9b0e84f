"""The template of all pages: what it escapes, what it lets a browser do, which colours it has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mqn.errors import DataError
from mqn.look import page
from mqn.look.blocks import (
    Bars,
    Block,
    Card,
    Cards,
    Cell,
    Chart,
    Facts,
    Fold,
    Heading,
    Links,
    Picture,
    Row,
    Scale,
    Section,
    Table,
    Text,
    Tiles,
)
from mqn.look.page import render, write_page

BAD = "<script>alert('x')</script>\" onload=\"alert(1)"
BLOCKS: tuple[Block, ...] = (
    Text(BAD),
    Heading(BAD),
    Tiles(((BAD, BAD),)),
    Facts(((BAD, BAD),)),
    Links(((BAD, BAD),)),
    Scale(BAD, BAD),
    Bars(((BAD, 0), ("some", 2))),
    Table(head=(Cell(text=BAD),), rows=(Row(cells=(Cell(text=BAD, notes=(BAD,), tone="bad"),)),)),
    Cards(cards=(Card(pictures=(Picture(b"jpeg", BAD),), name=BAD, lead=BAD, note=BAD, facts=Facts(((BAD, BAD),))),)),
)


@pytest.mark.parametrize("block", [*BLOCKS, Fold(BAD, BLOCKS)], ids=lambda block: type(block).__name__)
def test_no_text_becomes_markup(block: Block) -> None:
    page = render(BAD, [block], [Section(title=BAD, blocks=(block,), anchor=BAD)])
    assert page.count("<script") == 0
    assert ' onload="' not in page
    assert "&lt;script&gt;alert(&#39;x&#39;)" in page
    assert "script-src 'none'" in page


def test_a_histogram_is_as_wide_as_its_largest_count() -> None:
    page = render("t", [], [Section(title="s", blocks=(Bars((("none", 0), ("half", 1), ("most", 2))),))])
    assert [part.split('"')[0] for part in page.split('<i style="width:')[1:]] == ["0.0%", "50.0%", "100.0%"]


def test_a_page_with_a_chart_carries_the_library_and_runs_its_scripts_alone() -> None:
    chart = Chart(element='<div id="c"></div>', scripts=("draw('c')",), width=700)
    page = render("t", [], [Section(title="s", blocks=(chart,))])
    head, body = page.split("</head>")
    assert "plotly" in head.lower()
    assert "<script>draw('c')</script>" in body
    assert 'style="min-width:700px"><div id="c"></div>' in body
    assert head.count("'sha256-") == 2


def test_tables_are_sorted_where_that_was_asked_for() -> None:
    table = Table(
        head=(Cell(text="n"),), rows=(Row(cells=(Cell(text="1.5 MB", value=1.5e6),), best=True),), sortable=True
    )
    page = render("t", [], [Section(title="s", blocks=(Fold("more", (table,)),))])
    assert '<tr class="best"><td data-v="1500000.0">1.5 MB</td></tr>' in page
    assert page.count("<script>") == page.count("'sha256-") == 1


def test_only_pages_without_charts_have_dark_colours() -> None:
    """Plotly draws on white."""
    assert "prefers-color-scheme:dark" in render("t", [], [])
    assert "prefers-color-scheme:dark" not in render("t", [Chart(element="", scripts=())], [])


def test_a_name_that_is_no_text_is_written_as_it_can_be(tmp_path: Path) -> None:
    write_page(tmp_path / "a.html", render("a\udcff", [], []))
    assert "<h1>a\\udcff</h1>" in (tmp_path / "a.html").read_text(encoding="utf-8")
    with pytest.raises(DataError, match="cannot write"):
        write_page(tmp_path / "none" / "a.html", "", DataError)


def test_no_other_room_writes_html() -> None:
    package = Path(page.__file__).parents[1]
    markup = re.compile(r"<(html|style|table|tr|td|section|div|figure|img)[ >]")
    found = [path for path in package.rglob("*.py") if markup.search(path.read_text(encoding="utf-8"))]
    assert found == []
