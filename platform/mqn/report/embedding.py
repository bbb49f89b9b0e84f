"""Figures in a page: what is shown, and the script that draws it, apart."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mqn.page_policy import plain_lines

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_SCRIPT = re.compile(r"<script(?: type=\"text/javascript\")?>(.*?)</script>", re.DOTALL)


def embed(figure: Figure, name: str, config: dict[str, Any], scripts: list[str]) -> str:
    """Write a figure as HTML without its script.

    Args:
        figure: plotly's.
        name: the element's, one of its own in the page.
        config: plotly's.
        scripts: gets the script, which has to run once the element is there (`page_look.lay_out`).

    Returns:
        The element.
    """
    text: str = figure.to_html(full_html=False, include_plotlyjs=False, div_id=name, config=config)
    scripts += [plain_lines(script) for script in _SCRIPT.findall(text)]
    return _SCRIPT.sub("", text)
