from __future__ import annotations

import pytest
from tests.support.records import make_trial

from mqn.records import Candidate
from mqn.report.pages import parallel
from mqn.report.pages.dashboard import Panel
from mqn.report.pages.panels import DRAWINGS
from mqn.report.pages.parallel import ParallelAxis, draw_parallel, lay_parallel, passing
from mqn.report.pages.view import View, look
from mqn.search.space.goals import Objective

PANEL = Panel(kind="parallel")


@pytest.fixture
def view() -> View:
    records = [
        make_trial(
            n,
            candidate=Candidate().with_values({"arch.attention": kind}),
            figures={"psnr_tm": psnr, "latency_ms": latency},
        )
        for n, (kind, psnr, latency) in enumerate([("ca", 20, 10), ("sa", 22, 15), ("ca", 19, 16), ("ca", 24, 30)])
    ]
    return look(records, (Objective(metric="psnr_tm"), Objective(metric="latency_ms")))


def test_words_become_ticks_of_an_axis(view: View) -> None:
    records, axes = lay_parallel(view, PANEL)
    assert [record.number for record in records] == [0, 1, 2, 3]
    assert [axis.label for axis in axes] == ["attention", "PSNR-TM (dB)", "Latency p50 (ms)"]
    assert axes[0].ticks == [(0.0, "ca"), (1.0, "sa")]
    assert axes[0].values == (0, 1, 0, 0)
    assert axes[2].ticks == [(0.0, "10"), (0.25, "15"), (0.5, "20"), (0.75, "25"), (1.0, "30")]
    assert axes[2].value(axes[2].height(16)) == pytest.approx(16)


def test_values_orders_of_magnitude_apart_are_spread_evenly() -> None:
    axis = ParallelAxis(
        name="training.learning_rate", label="learning_rate", values=(1e-4, 1e-2, 1.0), low=1e-4, high=1.0
    )
    assert [axis.height(value) for value in axis.values] == pytest.approx([0.0, 0.5, 1.0])
    assert [axis.value(height) for height in (0.0, 0.25, 1.0)] == pytest.approx([1e-4, 1e-3, 1.0])
    assert axis.ticks[2] == (0.5, "0.01")


def test_lines_run_through_their_values_and_the_front_is_coloured(view: View) -> None:
    figure = DRAWINGS["parallel"](view, PANEL)
    faded, beaten, front = figure.data[:3]
    assert list(faded.x) == []
    assert list(beaten.y) == [0.0, 0.0, pytest.approx(0.3), None]  # Trial 2: ca, 19 dB, 16 ms.
    assert list(front.x) == [0, 1, 2, None] * 3
    assert sorted(set(figure.data[3].customdata)) == [0, 1, 3]


def test_what_does_not_pass_through_the_brush_is_faded(view: View) -> None:
    records, axes = lay_parallel(view, PANEL)
    brush = {"arch.attention": [-0.2, 0.2], "latency_ms": [9, 20], "gone.since": [0, 1]}
    assert [record.number for record in passing(records, axes, brush)] == [0, 2]
    figure = draw_parallel(view, PANEL, brush)
    assert [len(trace.x) // 4 for trace in figure.data[:3]] == [2, 1, 1]
    boxes = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    assert [(box.y0, box.y1) for box in boxes] == [(0, pytest.approx(0.2)), (0, pytest.approx(0.5))]


def test_of_many_trials_the_latest_and_the_front_are_drawn(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "MOST", 1)
    records, _ = lay_parallel(view, PANEL)
    assert [record.number for record in records] == [0, 1, 3]
    assert "3 of 4 trials" in draw_parallel(view, PANEL).layout.annotations[-1].text
