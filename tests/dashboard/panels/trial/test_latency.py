"""The latency of a trial: its samples by process, and what the delegate took."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.support.records import BOARD, make_measurement, make_trial

from mqn.dashboard.panels.trial.latency import (
    draw_samples,
    far_away,
    find_measurements,
    list_delegation,
    samples_of,
    tell_samples,
    tell_state,
)
from mqn.dashboard.panels.trial.pane import draw_latency
from mqn.device.science.figures import summarise
from mqn.parsing import write_json
from mqn.records import Measurement
from mqn.search.artifacts import ArtifactStore


def measured(*times_ms: tuple[int, ...], **changes: Any) -> Measurement:
    """A measurement of one file whose processes took so many ms in each of their runs."""
    found = make_measurement()
    flat = tuple(1_000_000 * time for times in times_ms for time in times)
    part = replace(found.parts[0], samples_ns=flat, latency_ms=summarise(flat))
    rounds = tuple(map(len, times_ms))
    return replace(found, parts=(part,), process_rounds=rounds, latency_ms=summarise(flat), **changes)


def test_samples_stand_by_process_and_files_are_added_up() -> None:
    one = samples_of(measured((2, 3), (4,)))
    assert [(found.process, found.values) for found in one] == [(1, (2.0, 3.0)), (2, (4.0,))]
    (first, second) = samples_of(make_measurement("backbone", "head"))
    assert (len(first.values), len(second.values)) == (60, 40)
    assert first.values[0] == pytest.approx(4.0)


def test_where_rounds_are_not_known_all_samples_are_one_process() -> None:
    (only,) = samples_of(replace(measured((2, 3), (4,)), process_rounds=()))
    assert only.values == (2.0, 3.0, 4.0)


def test_a_histogram_counts_every_sample_of_its_process() -> None:
    figure = draw_samples(measured((2, 2, 3), (3, 4)))
    assert [sum(trace.y) for trace in figure.data] == [3, 2]
    assert figure.data[0].y[0] == 2  # The first bin of all: 2 ms.
    assert [note.text for note in figure.layout.annotations] == [
        "process 1: 3 runs, p50 2 ms",
        "process 2: 2 runs, p50 3.5 ms",
    ]
    assert figure.layout.xaxis2.title.text == "one invocation (ms)"


def test_samples_far_away_are_told_and_not_drawn() -> None:
    found = measured((2, 2, 2, 2, 100))
    assert far_away(samples_of(found)) == (4.0, 1)
    assert sum(draw_samples(found).data[0].y) == 4
    assert tell_samples(found)[-1] == "Not drawn: 1 sample beyond 4 ms, up to 100 ms."


def test_equal_samples_can_be_drawn() -> None:
    assert sum(draw_samples(measured((2, 2, 2))).data[0].y) == 3


def test_it_is_told_how_far_processes_are_apart() -> None:
    told = tell_samples(measured((2, 2, 2), (3, 3, 3)))
    assert told[0].startswith("6 invocations in 2 processes, 1 thread. Black line: p50 2.5 ms")
    assert told[1] == "The medians of the processes are 50.0 % apart, from fastest to slowest."


def test_the_state_names_verdict_reasons_and_warmth() -> None:
    found = measured((2,), verdict="throttled", reasons=("90 °C at the end (at most 85)",))
    assert tell_state(found) == (
        "verdict throttled; 90 °C at the end (at most 85); 40 to 40 °C; began 2026-01-01T00:00:00Z"
    )


def test_delegation_is_told_by_file() -> None:
    assert list_delegation(make_measurement()) == [["model", "xnnpack", "2 of 3 (66 %)", "1", "1 CUSTOM", "1", "2"]]
    found = make_measurement("backbone", "head")
    untold = replace(found, parts=(found.parts[0], replace(found.parts[1], delegation=None)))
    assert list_delegation(untold)[1][:5] == ["head", "not told by this device", "", "", ""]


def test_measurements_are_found_by_target_and_missed_in_words(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    with store.open("measure", "m") as slot:
        write_json(slot.folder / "measurement.json", make_measurement())
        slot.publish(inputs={}, versions={"mqn": "1"}, seconds=1.0, details={})
    record = make_trial(0, artifacts={"measure/board": "m", "measure/phone": "gone", "train": "t"})
    found, missing = find_measurements(record, store)
    assert list(found) == ["board"]
    assert found["board"].device == BOARD
    assert missing == ["The measurement on phone is not in the store any more."]
    drawn = str(draw_latency(record, store))
    assert "On board: Board 1, SoC 2" in drawn
    assert "No measurement of this trial is there." in str(draw_latency(make_trial(1), store))
