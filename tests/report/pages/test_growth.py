from __future__ import annotations

import pytest
from tests.support.records import make_trial

from mqn.records import Span
from mqn.report.pages.dashboard import Panel
from mqn.report.pages.growth import last_growth, places
from mqn.report.pages.panels import DRAWINGS
from mqn.report.pages.view import View, look
from mqn.search.space.goals import Objective


@pytest.fixture
def view() -> View:
    """Four trials of three trainings; the third ended before the second, and the last adds nothing to the front."""
    told = [
        (20.0, 10.0, "a", 0, 3600),
        (22.0, 12.0, "b", 0, 10800),
        (24.0, 14.0, "a", 3600, 7200),
        (19.0, 13.0, "c", 0, 14400),
    ]
    records = [
        make_trial(
            number,
            figures={"psnr_tm": psnr, "latency_ms": latency},
            artifacts={"train": training},
            spans={"train": Span(begin=1e9 + begin, end=1e9 + end)},
        )
        for number, (psnr, latency, training, begin, end) in enumerate(told)
    ]
    return look(records, (Objective(metric="psnr_tm"), Objective(metric="latency_ms")))


@pytest.mark.parametrize(
    ("counted", "expected"),
    [("trials", [0, 1, 2, 3]), ("trainings", [1, 2, 2, 3]), ("hours", [1, 3, 3, 4])],
)
def test_the_hypervolume_is_drawn_against_what_it_cost(view: View, counted: str, expected: list[float]) -> None:
    assert places(view.records, view.history, counted) == expected
    figure = DRAWINGS["hypervolume"](view, Panel(kind="hypervolume", x=counted))
    assert list(figure.data[0].x) == expected


def test_where_it_grew_last_is_marked(view: View) -> None:
    assert last_growth(view.history) == 2
    figure = DRAWINGS["hypervolume"](view, Panel(kind="hypervolume"))
    assert figure.layout.shapes[0].x0 == 2
    assert figure.layout.annotations[0].text == "last grew at trial 2, 1 complete trials ago"


def test_what_is_counted_must_be_known() -> None:
    with pytest.raises(ValueError, match="x = 'days'; "):
        Panel(kind="hypervolume", x="days")
