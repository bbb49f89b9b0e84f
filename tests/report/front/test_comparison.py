"""Members of a front compared picture by picture, from the scores in a store."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.records import make_scores

from mqn.parsing import write_json
from mqn.records import Range
from mqn.report.front.charts import front_charts
from mqn.report.front.front import front
from mqn.report.front.scorebook import Scorebook
from mqn.search.artifacts import ArtifactStore

PICTURES = {"sources": ["a", "b", "c"], "pictures_sha256": "p"}


@pytest.fixture
def scored(trial, tmp_path):
    """A trial with scores of three pictures in a store."""
    store = ArtifactStore(tmp_path / "artifacts")

    def make(number, values, latency, width=0.5, protocol=PICTURES):
        with store.open("score", f"scores{number}") as slot:
            scores = make_scores(pictures=3, names=("x", "y", "z"), per_picture={"psnr_tm": values}, protocol=protocol)
            write_json(slot.folder / "scores.json", scores)
            slot.publish(inputs={}, versions={}, seconds=1.0, details={})
        mean = sum(values) / 3
        ends = {"latency_ms.p50_low": latency - width, "latency_ms.p50_high": latency + width}
        figures = {"psnr_tm": mean, "latency_ms": latency, **ends}
        return trial(number, mean, latency, figures=figures, artifacts={"score": f"scores{number}"})

    make.book = Scorebook(store)
    return make


def test_an_accuracy_has_the_range_of_its_difference_from_the_best(scored, objectives):
    records = [scored(0, (10.0, 15.0, 20.0), 9.0), scored(1, (10.1, 15.2, 20.3), 12.0)]
    found = front(records, objectives, book=scored.book)
    worse, best = found.points
    assert best.ranges[0] is None
    half = 4.30265273 * 0.1 / 3**0.5
    assert (worse.ranges[0].low, worse.ranges[0].high) == pytest.approx((15 - half, 15 + half))
    assert found.alike == ((), ())  # -0.2 lies 0.05 below 0, and latencies are 3 ms apart.
    assert "the difference from the best, #1" in found.reading[0]
    told = found.plain()["front"][0]["accuracy"]["psnr_tm"]
    assert told["best"] == 1
    assert told["difference"]["mean"] == pytest.approx(-0.2)
    assert told["mean"]["high"] == pytest.approx(15 + 4.30265273 * 5 / 3**0.5)


def test_members_are_alike_where_neither_latency_nor_accuracy_tells_them_apart(scored, objectives):
    records = [
        scored(0, (10.0, 15.0, 20.0), 9.0),
        scored(1, (10.3, 15.0, 20.2), 9.5),  # better on two pictures of three
        scored(2, (11.0, 16.1, 21.2), 9.9),  # its latency is alike, its accuracy is not
    ]
    found = front(records, objectives, book=scored.book)
    assert found.indistinct == ((1, 2), (0, 2), (0, 1))
    assert found.alike == ((1,), (0,), ())
    assert [mark.same for mark in front_charts(found)[0].best] == [(1,), (0,), ()]
    assert front_charts(found)[0].best[0].y_range == found.points[0].ranges[0]


def test_without_scores_only_latencies_are_compared(scored, objectives, trial):
    records = [scored(0, (10.0, 15.0, 20.0), 9.0), scored(1, (10.3, 15.0, 20.2), 9.5, protocol={})]
    for found in (front(records, objectives, book=scored.book), front(records, objectives)):
        assert found.points[1].ranges == (None, Range(low=9.0, high=10.0))
        assert found.alike == ((), ())
        assert found.indistinct == ((1,), (0,))


def test_what_quantization_lost_is_compared_picture_by_picture(scored):
    one = scored(0, (10.0, 15.0, 20.0), 9.0)
    scored(7, (11.0, 17.0, 23.0), 9.0)
    both = {"score": "scores0", "score/float": "scores7", "train": "t"}
    (row,) = scored.book.sample([replace(one, artifacts=both)], "psnr_tm_drop").values
    assert row.tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("damage", ["removed", "cut short", "never there"])
def test_scores_that_cannot_be_read_are_no_scores(damage, scored, objectives, tmp_path):
    records = [scored(0, (10.0, 15.0, 20.0), 9.0), scored(1, (10.1, 15.2, 20.3), 12.0)]
    store = ArtifactStore(tmp_path / "artifacts")
    if damage == "never there":
        with store.open("score", "bare") as slot:
            slot.publish(inputs={}, versions={}, seconds=1.0, details={})
        records[0].artifacts["score"] = "bare"
    else:
        file = next((tmp_path / "artifacts" / "score").glob("scores0*/scores.json"))
        file.unlink() if damage == "removed" else file.write_text("{")
    worse, _ = front(records, objectives, book=Scorebook(store)).points
    assert worse.ranges[0] is None
