from __future__ import annotations

import dataclasses
import json
import re

import pytest

from mqn.errors import NothingSatisfiesError
from mqn.look.palette import OVERLAPPING, RANGE
from mqn.report.pages.dashboard import Dashboard, Panel, load_dashboard
from mqn.report.pages.page import render
from mqn.report.pages.panels import DRAWINGS
from mqn.report.pages.view import look, read_curves
from mqn.search.artifacts import ArtifactStore
from mqn.search.space.goals import Constraint, Objective

CURVES = {
    "t0": [{"epoch": 0, "val_psnr_tm": 20.0}, {"epoch": 1, "val_psnr_tm": None}, {"epoch": 2, "val_psnr_tm": 22.0}]
}


@pytest.fixture
def view(trial, objectives):
    records = [
        trial(0, 20, 10, artifacts={"train": "t0"}),
        trial(1, 22, 15, {"arch.attention": "sa"}, verdicts={"board": "unsteady"}),
        trial(2, 19, 16),
        trial(3, 30, 30),
        trial(4, 0, 0, state="failed", figures={}, device_figures={}, error="train: <broken>"),
    ]
    return look(records, objectives, [Constraint(metric="latency_ms", max=21.0)], curves=CURVES)


def names(figure):
    return {trace.name: list(trace.x) for trace in figure.data if trace.name}


def test_the_front_panel_parts_the_trials_by_colour_and_verdict(view):
    figure = DRAWINGS["front"](view, Panel(kind="front", color="arch.attention"))
    assert names(figure) == {
        "breaks a constraint": [30],
        "beaten": [16],
        "ca": [10],
        "sa, verdict not ok": [15],
    }
    assert any("#1 sa" in text for trace in figure.data if trace.text is not None for text in trace.text)
    assert [shape.x0 for shape in figure.layout.shapes] == [21]


def test_the_front_panel_draws_ranges_and_marks_what_they_do_not_tell_apart(trial, objectives):
    def ranged(number, psnr, latency):
        ends = {"latency_ms.p50_low": latency - 1, "latency_ms.p50_high": latency + 1}
        return trial(number, psnr, latency, figures={"psnr_tm": psnr, "latency_ms": latency, **ends})

    view = look([ranged(0, 20, 10), ranged(1, 22, 11), ranged(2, 25, 20)], objectives)
    figure = DRAWINGS["front"](view, Panel(kind="front"))
    (bars,) = [trace for trace in figure.data if trace.name == OVERLAPPING]
    assert list(bars.x) == [9, 11, None, 10, 12, None, 19, 21, None]
    (signs,) = [trace for trace in figure.data if trace.mode == "text"]
    assert (list(signs.x), signs.showlegend) == ([10, 11], False)
    best = next(trace for trace in figure.data if trace.name == "front")
    assert "≈ #1: not told apart" in best.text[0]
    assert "latency_ms 10 (9 to 11)" in best.text[0]
    apart = DRAWINGS["front"](look([ranged(0, 20, 10), ranged(2, 25, 20)], objectives), Panel(kind="front"))
    assert RANGE in {trace.name for trace in apart.data}


def test_a_figure_of_one_device_may_stand_in_any_panel(view):
    figure = DRAWINGS["scatter"](view, Panel(kind="scatter", x="latency_ms.p90/board", y="psnr_tm"))
    assert figure.layout.xaxis.title.text == "Latency p90, board (ms)"
    assert names(figure) == {"front": [11, 17, 31], "front, verdict not ok": [16]}


def test_a_mark_is_hollow_for_the_same_reason_wherever_it_stands(trial, objectives):
    """Hollow: a figure on these axes is of a disturbed measurement, be the trial beaten or on the front."""
    other = {"verdicts": {"board": "contended"}}
    records = [trial(0, 20, 10, **other), trial(1, 22, 15), trial(2, 19, 16, **other), trial(3, 18, 17)]
    records += [trial(4, 30, 30, **other), trial(5, 30, 31)]
    figures = {record.number: {**record.figures, "ssim_tm": record.figures["psnr_tm"] / 100} for record in records}
    records = [dataclasses.replace(record, figures=figures[record.number]) for record in records]
    timed = DRAWINGS["front"](look(records, objectives), Panel(kind="front"))
    assert names(timed) == {
        "breaks a constraint": [31],
        "breaks a constraint, verdict not ok": [30],
        "beaten": [17],
        "beaten, verdict not ok": [16],
        "front": [15],
        "front, verdict not ok": [10],
    }
    hollow = {trace.name for trace in timed.data if trace.name and trace.marker.symbol.endswith("-open")}
    assert hollow == {name for name in names(timed) if name.endswith("verdict not ok")}
    accuracies = [Objective(metric="psnr_tm"), Objective(metric="ssim_tm")]
    untimed = DRAWINGS["front"](look(records, accuracies), Panel(kind="front"))
    assert not [name for name in names(untimed) if "verdict" in name]  # No device told what stands on these axes.


def test_trials_that_wait_are_shown_apart_and_never_as_failed(trial, objectives):
    waits = trial(
        1, 0, 0, state="held", figures={"psnr_tm": 25.0}, device_figures={}, verdicts={"board": "unsteady"},
        unaccepted={"board": {"latency_ms": 3.0}}, violations={}, waits="measure/board: measured as 'unsteady'",
    )  # fmt: skip
    view = look([trial(0, 20, 10), waits], objectives)
    assert [point.record.number for point in view.front.points] == [0]
    figure = DRAWINGS["front"](view, Panel(kind="front"))
    assert names(figure)["waits for a steady device, verdict not ok"] == [3]
    page = render(view, load_dashboard())
    assert "<b>1</b><span>wait for a steady device</span>" in page
    assert ">failed<" not in page
    assert "measured as &#39;unsteady&#39;" in page
    assert view.front.caption == "front of 1 out of 1 complete trials, 1 waits for a steady device"


def test_constraints_are_told_on_the_page_with_who_breaks_them(view):
    page = render(view, load_dashboard())
    assert "constraints: latency_ms &lt;= 21 (1 of 4 complete trials break one)" in page
    assert "breaks latency_ms &lt;= 21" in page


def test_the_hypervolume_panel_states_its_reference(view):
    figure = DRAWINGS["hypervolume"](view, Panel(kind="hypervolume"))
    assert list(figure.data[0].x) == [0, 1, 2, 3]
    assert "psnr_tm 18.7, latency_ms 16.6" in figure.layout.xaxis.title.text
    assert figure.layout.yaxis.title.text == "Hypervolume (dB x ms)"
    assert "hypervolume in dB x ms, from psnr_tm 18.7, latency_ms 16.6" in render(view, load_dashboard())


def test_curves_leave_out_what_was_not_evaluated(view):
    (trace,) = DRAWINGS["curves"](view, Panel(kind="curves", y="val_psnr_tm")).data
    assert (list(trace.x), list(trace.y)) == ([0, 2], [20, 22])


def test_latency_bars_reach_from_the_median_to_p90(view):
    (bar,) = DRAWINGS["latency"](view, Panel(kind="latency")).data
    assert (list(bar.x), list(bar.error_x.array)) == ([15, 10], [1, 1])


def test_a_scatter_of_any_two(view):
    figure = DRAWINGS["scatter"](view, Panel(kind="scatter", x="arch.width", y="psnr_tm"))
    assert list(figure.data[0].y) == [20, 22, 19, 30]


def test_the_page_stands_alone_and_escapes(view):
    page = render(view, load_dashboard())
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", page)
    assert page.count('class="plotly-graph-div"') == 6
    assert '"showSendToCloud": false' in page
    assert "train: &lt;broken&gt;" in page
    assert "<broken>" not in page


def test_a_study_on_three_devices_has_its_hypervolume(trial):
    objectives = [Objective(metric="psnr_tm"), *(Objective(metric=f"latency_ms/{name}") for name in "abc")]
    records = [
        trial(number, psnr, 5, figures={"psnr_tm": psnr, **{f"latency_ms/{name}": latency for name in "abc"}})
        for number, (psnr, latency) in enumerate(((20, 10), (22, 12), (19, 11)))
    ]
    view = look(records, objectives)
    # From (18.7, 12.2): a box of 1.3 x 2.2^3, and of the second 3.3 x 0.2^3 without the corner that both cover.
    (grown,) = DRAWINGS["hypervolume"](view, Panel(kind="hypervolume")).data
    assert list(grown.y) == pytest.approx([1.3 * 2.2**3, 1.3 * 2.2**3 + 2.0 * 0.2**3, 1.3 * 2.2**3 + 2.0 * 0.2**3])


def test_without_a_front_the_page_says_why(trial, objectives):
    view = look([trial(0, 20, 30)], objectives)
    page = render(view, Dashboard(panels=(Panel(kind="front"), Panel(kind="curves"), Panel(kind="table"))))
    assert "misses it by 9" in page
    assert "No training&#39;s history was found." in page


def test_without_trials_there_is_no_page(objectives):
    with pytest.raises(NothingSatisfiesError, match="no trials yet"):
        look([], objectives)


def test_histories_are_read_once_a_training(trial, tmp_path):
    with ArtifactStore(tmp_path).open("train", "t0") as slot:
        (slot.folder / "history.json").write_text(json.dumps([{"epoch": 0, "loss": 1.0}]))
        slot.publish(inputs={}, versions={}, seconds=0.0, details={})
    records = [trial(n, 1, 1, artifacts={"train": key}) for n, key in enumerate(["t0", "t0", "gone"])]
    assert read_curves(records, ArtifactStore(tmp_path)) == {"t0": [{"epoch": 0, "loss": 1.0}]}
