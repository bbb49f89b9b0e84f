"""What a page is made of. Records without HTML: `page.html.j2` draws them and escapes every text."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Literal, TypeAlias

Tone = Literal["", "good", "bad"]
"""Green, red, or as the text around it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: what it says.
        value: what its column is sorted by; None: the text.
        kind: `number` stands at the right, `key` stays in sight while the table scrolls, `long` is wrapped.
        tone: of the text.
        notes: small lines below it.
    """

    text: str
    value: float | None = None
    kind: Literal["", "number", "key", "long"] = ""
    tone: Tone = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of a table; the best ones are shaded."""

    cells: tuple[Cell, ...]
    best: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table.

    Attributes:
        head: the columns' names.
        rows: from top to bottom.
        sortable: whether a click on a name sorts the rows.
        height: in pixels; a longer table scrolls. None: as long as it is.
    """

    head: tuple[Cell, ...]
    rows: tuple[Row, ...]
    sortable: bool = False
    height: int | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    text: str
    tone: Tone = ""


@dataclass(frozen=True, slots=True)
class Heading:
    """A small heading within a section."""

    text: str


@dataclass(frozen=True, slots=True)
class Tiles:
    """Figures that stand out, each a value with its words below."""

    tiles: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """Names with their values, in one flow."""

    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Links:
    """Ways to sections of the same page: anchor and words."""

    links: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Scale:
    """What the colours of error maps mean: the words before and behind the darkest and the brightest one."""

    dark: str
    bright: str


@dataclass(frozen=True, slots=True)
class Bars:
    """A histogram: a label and a count a bar."""

    bars: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG file with a caption."""

    jpeg: bytes
    caption: str = ""

    @property
    def source(self) -> str:
        """The file as an address that holds it."""
        return f"data:image/jpeg;base64,{base64.b64encode(self.jpeg).decode()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """Pictures that belong together, and what is known of them.

    Attributes:
        pictures: side by side; may be none.
        name: what they show.
        lead: a figure that stands out before the name.
        note: small, behind it.
        facts: further names with their values.
    """

    pictures: tuple[Picture, ...]
    name: str
    lead: str = ""
    note: str = ""
    facts: Facts = Facts(())


@dataclass(frozen=True, slots=True, kw_only=True)
class Cards:
    """Cards in as many columns as the page has room for, each `width` pixels or more."""

    cards: tuple[Card, ...]
    width: int = 560


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A plotly figure as HTML; `mqn.look.charts.chart` makes one.

    Attributes:
        element: without its scripts.
        scripts: run when the element is there.
        width: pixels that it needs; a narrower page scrolls. 0: it takes what there is.
    """

    element: str
    scripts: tuple[str, ...]
    width: int = 0


@dataclass(frozen=True, slots=True)
class Fold:
    """Blocks that a click on a title shows."""

    title: str
    blocks: tuple[Block, ...]


Block: TypeAlias = Table | Text | Heading | Tiles | Facts | Links | Scale | Bars | Cards | Chart | Fold


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of a page.

    Attributes:
        title: its heading.
        blocks: from top to bottom.
        wide: whether it takes the whole width; else two stand beside each other.
        anchor: what `Links` call it.
    """

    title: str
    blocks: tuple[Block, ...]
    wide: bool = True
    anchor: str = ""
