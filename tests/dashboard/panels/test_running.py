"""What runs now, and one trial in full, as blocks of a page."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.cli.study.test_watching import DRIVER, SNAPSHOT
from tests.support.many_trials import definition
from tests.support.records import make_trial

from mqn.dashboard.panels.running import describe_running
from mqn.dashboard.panels.trial_details import describe_trial, why
from mqn.dashboard.studies.reading import State
from mqn.look.blocks import Facts, Heading, Table, Text, Tiles
from mqn.parsing import to_plain
from mqn.records import Candidate
from mqn.report.pages.view import look
from mqn.search.space.space_file import parse_space
from mqn.search.study.about import About
from mqn.search.watch.reading import Told


def state_of(*records: Any, told: tuple[Told, ...] = ()) -> State:
    space = parse_space(definition(), source="many")
    about = About(space=space.definition, space_hash=space.hash, space_name="many")
    counts = {"complete": 30, "failed": 2, "running": 3, "waiting": 5}
    return State(
        study="s", version=1, pulse=1, space=space, about=about, records=records, counts=counts, told=told, goal=40
    )


def texts(blocks: Any) -> str:
    return json.dumps([to_plain(block) for block in blocks])


def tables(blocks: Any) -> dict[str, list[list[str]]]:
    found, heading = {}, ""
    for block in blocks:
        heading = block.text if isinstance(block, Heading) else heading
        if isinstance(block, Table):
            found[heading] = [[cell.text for cell in row.cells] for row in block.rows]
    return found


def test_what_drivers_say_is_shown() -> None:
    records = [
        make_trial(2, verdicts={"board": "ok"}),
        make_trial(3, state="running", label="ca"),
        make_trial(4, verdicts={"board": "unsteady"}),
    ]
    blocks = describe_running(state_of(*records, told=(Told(driver=DRIVER, snapshot=SNAPSHOT),)))
    (tiles,) = [block for block in blocks if isinstance(block, Tiles)]
    assert ("32 of 40", "trials have ended") in tiles.tiles
    assert ("2", "jobs run") in tiles.tiles
    assert ("48 min", "left, about") in tiles.tiles  # Eight trials, ten an hour.
    told = tables(blocks)
    assert told["Drivers and workers"][0][2:] == ["4 s ago", "3 on their way, 10 ended", "3", "6 CPU, 2 GiB"]
    assert told["Running"] == [
        ["#2", "measure", "measure on board", "board", "5 min"],
        ["#3", "train", "train, epoch 1 of 8", "", "10 s"],
    ]
    assert told["Trials on their way"] == [["#3", "ca", "running", "train", ""]]
    assert told["Queue"] == [["score", "2", "#4, #5", "2 CPU, of which 0 of 2 are free"]]
    assert "trial 1: the loss is not finite" in texts(blocks)


def test_a_study_that_nobody_drives_says_so() -> None:
    assert "No driver works on this study now" in texts(describe_running(state_of()))


@pytest.fixture
def failed() -> Any:
    return make_trial(
        1,
        state="failed",
        error="train: no",
        figures={},
        device_figures={},
        artifacts={"train": "abc"},
        seconds={"train": 2.5},
    )


def test_a_trial_is_told_in_full(failed: Any) -> None:
    whole = make_trial(
        0,
        candidate=Candidate().with_values({"arch.attention": "sa"}),
        figures={"psnr_tm": 20.0, "latency_ms": 5.0, "latency_ms/phone": 9.0},
        verdicts={"board": "ok", "phone": "unsteady"},
        violations={"latency_ms <= 4": 1.0},
        artifacts={"train": "abc", "quantize": "def"},
    )
    state = state_of(whole, failed)
    view = look(state.records, state.space.objectives)
    blocks = describe_trial(whole, state, view)
    told = tables(blocks)
    assert told["Figures of its file"] == [["PSNR-TM (dB)", "20"]]
    assert told["On the devices"] == [["Latency p50 (ms)", "5", "9"], ["verdict", "ok", "unsteady"]]
    assert told["Candidate"] == [["arch.attention", "sa"]]
    assert told["Artifacts"] == [["train", "abc", ""], ["quantize", "def", ""]]
    assert why(whole) == ["breaks latency_ms <= 4 by 1"]
    assert blocks[-1] == Text("mqn logs s 0")
    blocks = describe_trial(failed, state, view)
    assert Text("train: no", tone="bad") in blocks
    assert Facts((("state", "failed"), ("study", "s"))) in blocks
    assert tables(blocks)["Artifacts"] == [["train", "abc", "2.5 s"]]


def test_of_a_gated_trial_the_figures_before_training_are_shown() -> None:
    gated = make_trial(2, state="gated", gate={"size_bytes": 5e6}, figures={})
    state = state_of(make_trial(0, figures={"psnr_tm": 20.0, "latency_ms": 5.0}), gated)
    told = tables(describe_trial(gated, state, look(state.records, state.space.objectives)))
    assert told["Before training"] == [["File size (bytes)", "5,000,000"]]
