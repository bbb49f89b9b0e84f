"""A front whose members were confirmed with further seeds, worked out by hand."""

from __future__ import annotations

import pytest

from mqn.errors import NothingSatisfiesError
from mqn.report.front.choice.wish import Wish
from mqn.report.front.front import front
from mqn.report.front.hypervolume import hypervolume
from mqn.report.front.selection import select
from mqn.report.front.words import state_of
from mqn.report.pages.dashboard import Panel
from mqn.report.pages.panels import DRAWINGS
from mqn.report.pages.view import look

T1 = 12.7062047
"""97.5 % point of Student's t with one degree of freedom."""


def seeded(trial, number, psnr, latency, confirms=None, width=0.0):
    ends = {"latency_ms.p50_low": latency - width, "latency_ms.p50_high": latency + width} if width else {}
    figures = {"psnr_tm": psnr, "latency_ms": latency, **ends}
    return trial(number, psnr, latency, {"training.seed": number}, figures=figures, confirms=confirms)


def test_a_confirmed_member_stands_at_its_mean_with_ranges_over_seeds(trial, objectives):
    records = [
        seeded(trial, 0, 20.0, 10.0, width=0.5),
        seeded(trial, 1, 22.0, 15.0),
        seeded(trial, 2, 19.0, 10.0, confirms=0, width=0.5),
    ]
    found = front(records, objectives)
    first, second = found.points
    assert (first.values, second.values) == ((19.5, 10.0), (22.0, 15.0))
    # Of two values the spread of the mean is half of their difference.
    assert (first.ranges[0].low, first.ranges[0].high) == pytest.approx((19.5 - T1 * 0.5, 19.5 + T1 * 0.5))
    assert (first.ranges[1].low, first.ranges[1].high) == (9.5, 10.5)  # as measured: it is the same with both seeds
    assert second.ranges == (None, None)
    assert found.caption == "front of 2 out of 2 complete trials"
    assert found.reading == ("1 of 2 confirmed: their figures are means over 2 seeds, with their 95 % ranges",)
    told = found.plain()["front"]
    assert [(one["trial"], one["seed"], one["values"]["psnr_tm"]) for one in told[0]["seeds"]] == [
        (0, 0, 20),
        (2, 2, 19),
    ]
    assert told[1]["seeds"] == []


def test_a_member_that_another_confirmed_one_beats_leaves_the_front(trial, objectives):
    records = [
        seeded(trial, 0, 20.0, 10.0),
        seeded(trial, 1, 21.0, 12.0),  # by luck
        seeded(trial, 2, 19.0, 9.0),  # not confirmed
        seeded(trial, 3, 20.0, 10.0, confirms=0),
        seeded(trial, 4, 18.0, 12.0, confirms=1),
        seeded(trial, 5, 20.5, 12.5),  # Only the luck of #1 had beaten it.
        seeded(trial, 6, 19.5, 13.0),
    ]
    found = front(records, objectives)
    assert [point.record.number for point in found.points] == [2, 0, 5]
    assert [(point.record.number, point.values) for point in found.beaten] == [(1, (19.5, 12.0)), (6, (19.5, 13.0))]
    assert found.reading[0].startswith("1 of 3 confirmed")
    assert found.fallen == (1,)
    assert "beaten since: #1" in found.reading[0]


def test_what_confirms_is_no_point_of_its_own(trial, objectives):
    records = [seeded(trial, 0, 20.0, 10.0), seeded(trial, 1, 30.0, 5.0, confirms=0)]
    assert [point.record.number for point in front(records, objectives).points] == [0]
    assert hypervolume(records, objectives).trials == (0,)
    assert select(records, objectives, Wish(by="psnr_tm")).picked.number == 0
    assert [state_of(record) for record in records] == ["complete", "confirm the front"]
    with pytest.raises(NothingSatisfiesError, match="none of 0 complete trials"):
        select(records[1:], objectives, Wish(by="psnr_tm"))


def test_a_confirmation_that_failed_counts_not(trial, objectives):
    lost = trial(1, 0, 0, figures={}, state="failed", confirms=0, violations={})
    (point,) = front([seeded(trial, 0, 20.0, 10.0), lost], objectives).points
    assert (point.values, point.confirmed_by) == ((20.0, 10.0), ())


def test_hovering_over_a_confirmed_trial_says_what_it_is_drawn_at(trial, objectives):
    records = [seeded(trial, 0, 20.0, 10.0), seeded(trial, 1, 19.0, 10.0, confirms=0)]
    figure = DRAWINGS["front"](look(records, objectives), Panel(kind="front"))
    best = next(trace for trace in figure.data if trace.name == "front")
    assert list(best.y) == [19.5]
    assert "confirmed by #1: drawn at the mean over 2 seeds" in best.text[0]
