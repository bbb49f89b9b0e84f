"""One HTML file that works offline, in the look of all pages: `page.html.j2` and `page.css`, colours of `palette`."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from mqn.errors import MqnError, UsageError
from mqn.look.blocks import Block, Chart, Fold, Section, Table
from mqn.look.page_policy import plain_lines, policy
from mqn.look.palette import DARK, LIGHT

if TYPE_CHECKING:
    from jinja2 import Template


def render(title: str, intro: Sequence[Block], sections: Sequence[Section]) -> str:
    """Put a page together.

    Args:
        title: its heading.
        intro: what stands below the heading.
        sections: two beside each other unless they are `wide`.

    Returns:
        HTML that needs nothing else, no network either. With a chart it carries the plotting library along, about 5 MB.
    """
    blocks = [*_flat(intro), *(block for section in sections for block in _flat(section.blocks))]
    library = _plotting_library() if any(isinstance(block, Chart) for block in blocks) else ""
    scripts = [script for block in blocks if isinstance(block, Chart) for script in block.scripts]
    if any(isinstance(block, Table) and block.sortable for block in blocks):
        scripts.append(plain_lines(_read("sorting.js")))
    return _template().render(
        title=title,
        intro=intro,
        sections=sections,
        library=library,
        scripts=scripts,
        policy=policy([script for script in (library, *scripts) if script]),
        style=_read("page.css"),
        light=LIGHT,
        dark={} if library else DARK,
    )


def write_page(path: Path, text: str, failure: type[MqnError] = UsageError) -> None:
    """Write a page that `render` returned. Names that are no UTF-8 are written as escapes.

    A `failure` is raised if the file cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise failure(f"cannot write {path}: {error.strerror}") from error


def _flat(blocks: Sequence[Block]) -> Iterator[Block]:
    """The blocks, and those that are folded into them."""
    for block in blocks:
        yield block
        if isinstance(block, Fold):
            yield from _flat(block.blocks)


@functools.cache
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("mqn", "look"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["kind"] = lambda block: type(block).__name__
    return environment.get_template("page.html.j2")


@functools.cache
def _plotting_library() -> str:
    from plotly.offline import get_plotlyjs

    return plain_lines(get_plotlyjs())


def _read(name: str) -> str:
    return files("mqn.look").joinpath(name).read_text(encoding="utf-8")
