"""Where a study's time went, worked out by hand: spans of a few seconds on two machines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.support.records import make_trial

from mqn.records import Attempt, Span, TrialRecord
from mqn.report.timeline.clocks import Bounds, find_bounds, on_one_clock
from mqn.report.timeline.drawing import write_timeline_page, write_timeline_png
from mqn.report.timeline.rows import lay_out
from mqn.report.timeline.summary import Summary, summarise
from mqn.report.timeline.timeline import LOST, make_timeline
from mqn.report.timeline.trace import trace_document
from mqn.report.timeline.words import busy_line, clock, duration

ZERO = 1_700_000_000.0


def span(begin: float, end: float, *, waits: float = 0.0, ahead: float = 0.0, **changes: Any) -> Span:
    """A span by the driver's clock; the worker's own clock is `ahead` of it."""
    return Span(
        **{
            "begin": ZERO + begin + ahead,
            "end": ZERO + end + ahead,
            "host": "lab1",
            "process": 7,
            "submitted": ZERO + begin - waits,
            "collected": ZERO + end,
            **changes,
        }
    )


def study(*trials: dict[str, Span], **changes: Any) -> Summary:
    records = [make_trial(number, spans=spans) for number, spans in enumerate(trials)]
    return summarise(make_timeline("s", [*records, *changes.get("more", ())]))


@pytest.fixture
def two() -> Summary:
    """Two trainings of 10 s, a conversion between them that took 4 s, and a measurement of 8 s at the end."""
    return study(
        {"train": span(0, 10), "convert": span(10, 14)},
        {"train": span(15, 25), "measure/board": span(25, 33, device="board", host="lab2", process=9)},
    )


def test_the_trainers_busy_share_and_what_they_waited_for(two: Summary) -> None:
    trainers = two.trainers
    assert trainers is not None
    assert (trainers.begin, trainers.end, trainers.trainings, trainers.at_once) == (0.0, 25.0, 2, 1)
    assert trainers.busy == trainers.filled == pytest.approx(20 / 25)
    (gap,) = trainers.gaps
    assert (gap.begin, gap.end, gap.kind, gap.why) == (10.0, 15.0, "convert", "convert of trial 0: 4.0 s")
    assert trainers.waits == {"convert": 5.0}
    assert busy_line(two) == (
        "Between the first and the last of 2 trainings (25.0 s) a training ran 80.0% of the time. "
        "None ran during: convert 5.0 s."
    )


def test_trainings_beside_each_other() -> None:
    trainers = study({"train": span(0, 10)}, {"train": span(5, 15)}, {"train": span(15, 20)}).trainers
    assert trainers is not None
    assert (trainers.at_once, trainers.busy, trainers.filled) == (2, 1.0, pytest.approx(25 / 40))
    assert trainers.gaps == ()


@pytest.mark.parametrize(
    ("spans", "kind", "words"),
    [
        ({"train": span(20, 30, waits=8)}, "a worker's start", "trial 1 was handed out 8.0 s earlier"),
        ({"train": span(20, 30)}, "the driver", "it drew or recorded trials, or was not there"),
        (
            {"score": span(10, 12), "train": span(20, 30)},
            "the driver",
            "or was not there (jobs ran in 2.0 s of it)",
        ),
        (
            {"measure/board": span(10, 18, device="board"), "score": span(17, 19), "train": span(20, 30)},
            "measure",
            "measure on board of trial 1: 8.0 s; besides score 2.0 s",
        ),
    ],
)
def test_why_no_training_ran(spans: dict[str, Span], kind: str, words: str) -> None:
    trainers = study({"train": span(0, 10)}, spans).trainers
    assert trainers is not None
    assert [gap.kind for gap in trainers.gaps] == [kind]
    assert trainers.gaps[0].why.endswith(words)


def test_a_gap_that_stages_fill_together_is_named_after_the_longest() -> None:
    spans = {"convert": span(10, 14), "quantize": span(14, 17), "score": span(17, 19.5), "train": span(20, 30)}
    trainers = study({"train": span(0, 10)}, spans).trainers
    assert trainers is not None
    assert trainers.waits == {"convert": 10.0}
    assert trainers.gaps[0].why == "convert of trial 1: 4.0 s; besides quantize 3.0 s, score 2.5 s"


def test_nothing_was_trained() -> None:
    summary = study({"score": span(0, 1)})
    assert summary.trainers is None
    assert busy_line(summary) == "Nothing was trained."


def test_sums_by_stage_machine_and_device(two: Summary) -> None:
    assert [(one.name, one.jobs, one.seconds) for one in two.stages] == [
        ("train", 2, 20.0),
        ("measure", 1, 8.0),
        ("convert", 1, 4.0),
    ]
    assert [(one.name, one.first, one.last) for one in two.nodes] == [("lab1", 0.0, 25.0), ("lab2", 25.0, 33.0)]
    assert [(one.name, one.busy_seconds) for one in two.devices] == [("board", 8.0)]


def test_the_time_between_handing_out_and_begin_is_added_up() -> None:
    assert study({"train": span(5, 10, waits=2), "score": span(12, 13, waits=1)}).waited_seconds == 3.0


def test_a_clock_that_is_ahead_is_corrected() -> None:
    summary = study({"train": span(0, 10)}, {"train": span(2, 12, ahead=300.0, host="lab2")})
    begins = [bar.begin for bar in summary.timeline.bars]
    assert begins == pytest.approx([0.0, 2.0])
    assert summary.timeline.offsets == {"lab1": 0.0, "lab2": pytest.approx(-300.0)}


def test_a_clock_that_was_set_meanwhile_moves_each_span_by_itself() -> None:
    spans = [span(0, 10, ahead=300.0), span(20, 25, ahead=-50.0)]
    bounds = find_bounds(spans)
    assert bounds["lab1"].offset is None
    assert [on_one_clock(one, bounds) for one in spans] == [
        (ZERO + 10, ZERO + 10),
        (ZERO + 20, ZERO + 25),
    ]


@pytest.mark.parametrize(
    ("bounds", "offset"),
    [(Bounds(), 0.0), (Bounds(-1, 2), 0.0), (Bounds(3, 5), 3.0), (Bounds(-9, -4), -4.0), (Bounds(2, 1), None)],
)
def test_the_smallest_offset_that_is_possible_is_taken(bounds: Bounds, offset: float | None) -> None:
    assert bounds.offset == offset


def lost() -> TrialRecord:
    error = ("ProcessLostError", "its worker process was lost")
    attempt = Attempt(step="train", error=error, span=span(0, 5, host="", process=0))
    return make_trial(9, spans={"train": span(6, 16)}, attempts=(attempt,))


def test_lost_workers_are_shown_where_nobody_knows_where_they_were() -> None:
    summary = summarise(make_timeline("s", [lost()]))
    first, second = summary.timeline.bars
    assert (first.node, first.error, first.again) == (LOST, "its worker process was lost", True)
    assert (second.error, second.again) == ("", False)
    assert [(one.name, one.failed) for one in summary.nodes] == [(LOST, 1), ("lab1", 0)]
    assert summary.trainers is not None
    assert summary.trainers.trainings == 1


def test_a_step_that_failed_says_with_what_and_its_last_try_stands_once() -> None:
    final = span(0, 5)
    record = make_trial(
        0,
        state="failed",
        error="train: the loss is not finite",
        spans={"train": final},
        attempts=(Attempt(step="train", error=("TrainingError", "x"), span=final),),
        unfinished={"train": "key"},
    )
    (bar,) = make_timeline("s", [record]).bars
    assert (bar.error, bar.again) == ("the loss is not finite", False)


def test_nodes_of_ray_on_one_machine_are_told_apart() -> None:
    summary = study({"train": span(0, 1, node="aaaabbbbcccc"), "score": span(1, 2, node="ddddeeeeffff")})
    assert [one.name for one in summary.nodes] == ["lab1 aaaabbbb", "lab1 ddddeeee"]


def test_trials_without_times_are_counted() -> None:
    older = make_trial(5)
    running = make_trial(6, state="running")
    made = make_timeline("s", [make_trial(0, spans={"train": span(0, 1)}), older, running])
    assert (len(made.bars), made.without) == (1, 1)
    assert make_timeline("s", [older]).seconds == 0.0


def test_rows_hold_no_two_jobs_at_a_time(two: Summary) -> None:
    rows, left_out = lay_out(two.timeline)
    assert ([row.name for row in rows], left_out) == (["lab1", "lab2", "device board"], 0)
    beside, _ = lay_out(study({"train": span(0, 10)}, {"train": span(5, 15)}, {"train": span(10, 20)}).timeline)
    assert [(row.name, [bar.trial for bar in row.bars]) for row in beside] == [("lab1 1", [0, 2]), ("lab1 2", [1])]


def test_the_trace_names_machines_workers_devices_trials_and_gaps(two: Summary) -> None:
    events: Sequence[dict[str, Any]] = trace_document(two)["traceEvents"]
    names = {event["pid"]: event["args"]["name"] for event in events if event["name"] == "process_name"}
    assert set(names.values()) == {"no training runs", "devices", "trials", "lab1", "lab2"}
    slices = [event for event in events if event["ph"] == "X"]
    measured = [(names[event["pid"]], event["ts"], event["dur"]) for event in slices if "measure" in event["name"]]
    assert sorted(measured) == [("devices", 25_000_000, 8_000_000), ("lab2", 25_000_000, 8_000_000)]
    (gap,) = (event for event in slices if names[event["pid"]] == "no training runs")
    assert (gap["name"], gap["ts"], gap["dur"]) == ("convert of trial 0: 4.0 s", 10_000_000, 5_000_000)
    assert sorted(event["ph"] for event in events if event.get("id") == 1) == ["b", "e"]
    threads = {event["args"]["name"] for event in events if event["name"] == "thread_name"}
    assert {"worker 7", "worker 9", "board"} <= threads


@pytest.mark.slow
def test_picture_and_page_are_written(two: Summary, tmp_path: Path) -> None:
    write_timeline_png(two, tmp_path / "t.png")
    assert (tmp_path / "t.png").read_bytes().startswith(b"\x89PNG")
    write_timeline_page(two, tmp_path / "t.html")
    text = (tmp_path / "t.html").read_text()
    assert "convert of trial 0: 4.0 s" in text
    assert "of the time a training ran" in text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.04, "0.0 s"), (59.9, "59.9 s"), (60, "1:00 min"), (3599, "59:59 min"), (3725, "1:02:05 h")],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(("seconds", "words"), [(0, "0:00.0"), (59.96, "1:00.0"), (3725.5, "1:02:05.5")])
def test_times(seconds: float, words: str) -> None:
    assert clock(seconds) == words
