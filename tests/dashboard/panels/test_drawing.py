"""Panels for the live page: brushes, and what stands where there is nothing to draw."""

from __future__ import annotations

import pytest
from tests.support.records import make_trial

from mqn.dashboard.panels.drawing import add_to_brush, say_brushed
from mqn.dashboard.panels.elements import draw_blocks
from mqn.look.blocks import Fold
from mqn.records import Candidate
from mqn.report.pages.dashboard import Panel
from mqn.report.pages.view import View, look
from mqn.search.space.goals import Objective


@pytest.fixture
def view() -> View:
    kinds = ("none", "sa", "none", "sa")
    records = [
        make_trial(
            n,
            candidate=Candidate().with_values({"arch.attention": kind}),
            figures={"psnr_tm": 20.0 + n, "latency_ms": [5.0, 4.0, 6.0, 9.0][n]},
        )
        for n, kind in enumerate(kinds)
    ]
    return look(records, (Objective(metric="psnr_tm"), Objective(metric="latency_ms")))


PANEL = Panel(kind="parallel")  # Its axes: attention (none 0, sa 1), psnr_tm (20 to 23), latency_ms (4 to 9).


def test_a_box_brushes_the_axes_in_it_and_the_nearest_one_beside_them(view: View) -> None:
    first = add_to_brush(view, PANEL, {}, {"x": [0.8, 1.2], "y": [1.0, 0.5]})
    assert first == {"psnr_tm": [21.5, 23.0]}
    both = add_to_brush(view, PANEL, first, {"x": [1.6, 2.4], "y": [0.0, 0.2]})
    assert both == {"psnr_tm": [21.5, 23.0], "latency_ms": [4.0, 5.0]}
    again = add_to_brush(view, PANEL, both, {"x": [0.7, 0.9], "y": [0.0, 0.5]})
    assert again == {"psnr_tm": [20.0, 21.5], "latency_ms": [4.0, 5.0]}
    wide = add_to_brush(view, PANEL, {}, {"x": [-1.0, 3.0], "y": [0.0, 1.0]})
    assert wide == {"arch.attention": [0.0, 1.0], "psnr_tm": [20.0, 23.0], "latency_ms": [4.0, 9.0]}
    assert list(add_to_brush(view, PANEL, {}, {"x": [2.6, 2.8], "y": [0.0, 1.0]})) == ["latency_ms"]


@pytest.mark.parametrize(
    ("brush", "told"),
    [
        ({}, ""),
        ({"arch.attention": [0.9, 1.1]}, "2 of 4 trials pass through the brushes; on the front: #1, #3"),
        (
            {"arch.attention": [-0.1, 0.1], "latency_ms": [5.5, 7.0]},
            "1 of 4 trials pass through the brushes; on the front: #2",
        ),
        ({"psnr_tm": [19.9, 20.1]}, "1 of 4 trials pass through the brushes; none of them is on the front"),
    ],
)
def test_who_passes_through_a_brush_is_told(view: View, brush: dict[str, list[float]], told: str) -> None:
    assert say_brushed(view, PANEL, brush) == (f"{told}. Double-click lifts them." if told else "")


def test_blocks_of_pages_that_are_files_are_refused() -> None:
    with pytest.raises(TypeError, match="Fold"):
        draw_blocks([Fold("more", ())])
