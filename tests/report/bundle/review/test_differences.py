"""How two bundles differ."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.report.bundle.review.test_checks import reseal
from tests.report.conftest import write_sigmoid

from mqn.errors import ModelFileError
from mqn.parsing import to_plain, write_json
from mqn.records import Latency, Range, TrialRecord
from mqn.report.bundle.bundle import write_bundle
from mqn.report.bundle.review.differences import compare_bundles
from mqn.search.artifacts import ArtifactStore


def test_a_bundle_does_not_differ_from_itself(bundle: Path) -> None:
    found = compare_bundles(bundle, bundle)
    assert (found.candidate, found.files, found.operators) == ((), (), ())
    assert (found.outputs.compared, found.outputs.same, found.outputs.most_stops) == (True, True, 0.0)
    assert {one.verdict for one in found.scores} <= {"not told apart"}
    assert [(one.figure, one.apart) for one in found.devices] == [
        ("latency_ms.p50", False), ("latency_ms.p90", None), ("peak_memory_mb", None),
    ]  # fmt: skip


@pytest.fixture
def other(kept: tuple[TrialRecord, ArtifactStore], tmp_path: Path) -> Path:
    """Of another trial: two sigmoids in place of one, slower, scored higher."""
    record, store = kept
    candidate = record.candidate.with_values({"training.seed": 7})
    folder = write_bundle(replace(record, number=9, candidate=candidate), store, tmp_path / "other")
    write_sigmoid(folder / "model.tflite", "ldr", "hdr", 32, inner="x")
    scores = json.loads((folder / "scores.json").read_text())
    for values in scores["per_picture"].values():
        values[:] = [value + 1 for value in values]
    (folder / "scores.json").write_text(json.dumps(scores))
    measured = json.loads((folder / "measurement.json").read_text())
    slow = Latency(n=50, min=8, p50=9.0, p90=9.5, p99=10, mean=9, std=0.2, p50_range=Range(low=8.9, high=9.2))
    measured["board"]["latency_ms"] = to_plain(slow)
    write_json(folder / "measurement.json", measured)
    reseal(folder, "model.tflite", "scores.json", "measurement.json")
    return folder


def test_what_differs_is_told(bundle: Path, other: Path) -> None:
    found = compare_bundles(bundle, other)
    assert {one.name: (one.first, one.second) for one in found.candidate} == {
        "trial": (3, 9), "training.seed": (0, 7),
    }  # fmt: skip
    assert {one.name for one in found.files} >= {"model.tflite", "scores.json", "measurement.json", "trial.json"}
    (sigmoids,) = found.operators
    assert (sigmoids.name, sigmoids.first, sigmoids.second) == ("LOGISTIC float32 -> float32", 1, 2)
    assert [one.difference for one in found.scores] == pytest.approx([1.0] * len(found.scores))
    p50 = found.devices[0]
    assert (p50.first, p50.second, p50.second_range, p50.apart) == (7.0, 9.0, (8.9, 9.2), True)
    assert not found.outputs.same
    assert 0 < found.outputs.mean_stops <= found.outputs.most_stops


def test_pictures_that_differ_give_no_difference_of_scores(bundle: Path, other: Path) -> None:
    scores = json.loads((other / "scores.json").read_text())
    scores["names"] = [f"{name}x" for name in scores["names"]]
    for interval in scores["scores"].values():
        interval["mean"] += 1
    (other / "scores.json").write_text(json.dumps(scores))
    reseal(other, "scores.json")
    found = compare_bundles(bundle, other)
    assert found.scores == ()
    assert [one.second - one.first for one in found.scores_beside] == pytest.approx([1.0] * len(found.scores_beside))


def test_an_old_bundle_is_compared_as_far_as_it_goes(bundle: Path, old_bundle: Path) -> None:
    assert compare_bundles(bundle, old_bundle).outputs.same
    found = compare_bundles(old_bundle, bundle).outputs
    assert not found.compared
    assert "has no picture to compare by" in found.why


def test_half_a_bundle_is_not_compared(bundle: Path, other: Path) -> None:
    (other / "trial.json").unlink()
    with pytest.raises(ModelFileError, match=r"trial\.json is missing .*; `mqn bundle verify .*other` says all"):
        compare_bundles(bundle, other)
