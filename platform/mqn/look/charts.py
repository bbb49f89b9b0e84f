"""Plotly's charts on a page: what is shown, and the script that draws it, apart."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mqn.look.blocks import Chart
from mqn.look.page_policy import plain_lines
from mqn.look.palette import FAINT, INK, MUTED, PAPER

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

# Plotly 7 offers to send charts to its makers' cloud unless told not to.
CONFIG = {
    "displaylogo": False,
    "responsive": True,
    "showSendToCloud": False,
    "plotlyServerURL": "",
    "modeBarButtonsToRemove": ["lasso2d", "select2d"],
}
_SCRIPT = re.compile(r"<script(?: type=\"text/javascript\")?>(.*?)</script>", re.DOTALL)


def dress(figure: Figure, *, height: int, margin: dict[str, int], size: int = 12) -> Figure:
    """Give a figure the look that all charts share, and return it; sizes in pixels."""
    figure.update_layout(
        template="none",
        height=height,
        margin=margin,
        paper_bgcolor=PAPER,
        plot_bgcolor=PAPER,
        font={"family": "system-ui, 'Segoe UI', Roboto, sans-serif", "color": INK, "size": size},
        legend={"orientation": "h", "font": {"color": MUTED}},
        hoverlabel={"bgcolor": PAPER, "bordercolor": FAINT, "font": {"color": INK}, "align": "left"},
    )
    return figure


def chart(figure: Figure, name: str, *, buttons: bool = True, width: int = 0) -> Chart:
    """Make the HTML block of a plotly figure.

    Args:
        figure: plotly's.
        name: the element's id, unique on the page.
        buttons: whether zoom and the like are offered.
        width: pixels that it needs; 0: it takes what there is.
    """
    config = CONFIG | {"displayModeBar": buttons and "hover"}
    text: str = figure.to_html(full_html=False, include_plotlyjs=False, div_id=name, config=config)
    scripts = tuple(plain_lines(script) for script in _SCRIPT.findall(text))
    return Chart(element=_SCRIPT.sub("", text), scripts=scripts, width=width)
