from __future__ import annotations

import pytest
from tests.support.records import make_scores

from mqn.errors import NothingSatisfiesError, UnknownNameError
from mqn.parsing import write_json
from mqn.report.front.choice.wish import Wish
from mqn.report.front.choice.words import selection_lines, selection_table
from mqn.report.front.scorebook import Scorebook
from mqn.report.front.selection import select
from mqn.search.artifacts import ArtifactStore
from mqn.search.space.goals import Objective


@pytest.fixture
def pick(objectives):
    def run(records, by=None, at_most=None, at_least=None, devices=(), **others):
        wish = Wish(by=by, at_most=at_most or {}, at_least=at_least or {}, devices=devices)
        return select(records, others.pop("objectives", objectives), wish, **others)

    return run


def numbers(found):
    return [one.record.number for one in found.ranked]


def ranged(trial, number, psnr, latency, width, **figures):
    ends = {"latency_ms.p50_low": latency - width, "latency_ms.p50_high": latency + width}
    return trial(number, psnr, latency, figures={"psnr_tm": psnr, "latency_ms": latency, **ends, **figures})


def test_the_best_within_limits_is_picked(trial, pick):
    records = [trial(0, 20, 10), trial(1, 25, 18), trial(2, 23, 12), trial(3, 40, 2, state="failed")]
    assert pick(records, "psnr_tm").picked.number == 1
    assert pick(records, "psnr_tm", {"latency_ms": 15}).picked.number == 2
    assert pick(records, "latency_ms", None, {"psnr_tm": 21}).picked.number == 2
    assert pick(records, "latency_ms").picked.number == 0
    assert pick(records, "psnr_tm", {"latency_ms": 15}).why == ("the best psnr_tm of 2 trials within latency_ms <= 15",)


def test_of_equal_trials_the_cheapest_is_picked_then_the_first(trial, pick):
    assert pick([trial(1, 20, 10), trial(0, 20, 10)], "psnr_tm").picked.number == 0
    found = pick([trial(1, 20, 5), trial(0, 20, 10)], "psnr_tm")
    assert numbers(found) == [1]
    assert found.why[1] == "#0 and #1 cannot be told apart in psnr_tm: the faster was taken, #1"


def test_the_first_ones_stand_in_order(trial, pick):
    records = [trial(0, 20, 10), trial(1, 25, 18), trial(2, 23, 12)]
    found = pick(records, "psnr_tm", count=2)
    assert (numbers(found), found.among) == ([1, 2], 3)
    assert numbers(pick(records, "psnr_tm", count=9)) == [1, 2, 0]
    told = found.plain()[1]
    assert (told["trial"], told["values"], told["knee"], told["alike"]) == (2, {"psnr_tm": 23}, None, [])


def test_without_a_figure_the_knee_is_picked(trial, pick):
    # On scales from 0 to 1: #0 gives up 1 + 0, #1 0.2 + 0.25, #2 0 + 1; #3 is not on the front.
    records = [trial(0, 20, 10), trial(1, 28, 12), trial(2, 30, 18), trial(3, 19, 20)]
    found = pick(records, count=3)
    assert numbers(found) == [1, 0, 2]
    assert found.ranked[0].knee == pytest.approx(0.45)
    assert found.why[0] == "the knee of the front of 3 trials"
    assert "farthest from the line" in found.why[1]
    assert list(found.ranked[0].values) == ["psnr_tm", "latency_ms"]


def test_the_knee_is_that_of_what_is_within_the_limits(trial, pick):
    records = [trial(0, 20, 10), trial(1, 28, 12), trial(2, 30, 18), trial(3, 27, 11)]
    # Of 10, 11 and 12 ms: #3 gives up 1/8 + 1/2, the ends 1 each.
    found = pick(records, None, {"latency_ms": 15})
    assert found.picked.number == 3
    assert found.why[0] == "the knee of the front of 3 trials within latency_ms <= 15"
    # A limit on another figure: #1 is beaten by #0, which needs too much memory.
    heavy = {"psnr_tm": 28, "latency_ms": 12, "peak_memory_mb": 99}
    records = [trial(0, 28, 12, figures=heavy), trial(1, 27, 13), trial(2, 20, 10), trial(3, 30, 20)]
    assert pick(records, None, {"peak_memory_mb": 50}).picked.number == 1


def test_a_front_of_one_or_two_or_one_that_bends_the_other_way_has_no_knee(trial, pick):
    assert pick([trial(0, 20, 10)]).why == ("only one trial is on the front",)
    found = pick([trial(0, 20, 10), trial(1, 25, 12)])
    assert found.picked.number == 0
    assert found.why == (
        "a front of two trials has no knee: each is an end of it",
        "#0 and #1 cannot be told apart in what they give up: the faster was taken, #0",
    )
    found = pick([trial(0, 20, 10), trial(1, 21, 14), trial(2, 30, 15)])
    assert found.why[0].startswith("the front of 3 trials has no knee: none lies on the better side")


def test_a_knee_has_any_number_of_objectives(trial, pick):
    three = (Objective(metric="psnr_tm"), Objective(metric="latency_ms"), Objective(metric="size_bytes"))

    def sized(number, psnr, latency, size):
        return trial(number, psnr, latency, figures={"psnr_tm": psnr, "latency_ms": latency, "size_bytes": size})

    records = [sized(0, 30, 20, 500), sized(1, 20, 10, 900), sized(2, 25, 15, 100), sized(3, 28, 12, 300)]
    found = pick(records, objectives=three)
    assert found.picked.number == 3  # 0.2 + 0.2 + 0.25
    assert found.ranked[0].knee == pytest.approx(0.65)
    one = pick(records, objectives=three[:1])
    assert (one.picked.number, one.why) == (0, ("only one trial is on the front",))


def test_latencies_whose_ranges_overlap_are_not_told_apart(trial, pick):
    records = [
        ranged(trial, 30, 25, 10.0, 0.25, size_bytes=900),
        ranged(trial, 12, 24, 10.5, 0.25, size_bytes=500),
        ranged(trial, 7, 23, 10.75, 0.25, size_bytes=100),
    ]
    found = pick(records, "latency_ms", count=3)
    assert numbers(found) == [12, 30, 7]
    assert found.why[1] == "#12 and #30 cannot be told apart in latency_ms: the smaller was taken, #12"
    assert found.plain()[0]["ranges"] == {"latency_ms": {"low": 10.25, "high": 10.75}}
    assert [one.alike for one in found.ranked] == [(30,), (), ()]


def test_many_that_cannot_be_told_apart_are_counted(trial, pick):
    records = [ranged(trial, number, 25, 10 + number / 10, 1, size_bytes=9 - number) for number in range(5)]
    why = pick(records, "latency_ms").why[1]
    assert why == "#0, #1, #2 and 2 more cannot be told apart in latency_ms: the smaller was taken, #4"


@pytest.fixture
def scored(trial, tmp_path):
    """Trials with the scores of four pictures."""
    store = ArtifactStore(tmp_path / "artifacts")

    def make(number, values, latency, sources="abcd", **figures):
        protocol = {"sources": list(sources), "pictures_sha256": "p"}
        with store.open("score", f"scores{number}") as slot:
            write_json(
                slot.folder / "scores.json",
                make_scores(pictures=4, names=tuple("wxyz"), per_picture={"psnr_tm": values}, protocol=protocol),
            )
            slot.publish(inputs={}, versions={}, seconds=1.0, details={})
        mean = sum(values) / 4
        given = {"psnr_tm": mean, "latency_ms": latency, **figures}
        return trial(number, mean, latency, figures=given, artifacts={"score": f"scores{number}"})

    make.book = Scorebook(store)
    return make


def test_accuracies_are_compared_picture_by_picture(scored, pick):
    records = [
        scored(0, (10.0, 15.0, 20.0, 11.0), 9.0),
        scored(1, (10.3, 15.0, 20.2, 11.1), 12.0),  # better on three pictures of four, by 0.15 +- 0.21
        scored(2, (9.0, 13.9, 19.1, 10.0), 5.0),  # worse on all
    ]
    found = pick(records, "psnr_tm", book=scored.book, count=3)
    assert numbers(found) == [0, 1, 2]
    assert found.why[1] == "#0 and #1 cannot be told apart in psnr_tm: the faster was taken, #0"
    assert found.ranked[0].ranges["psnr_tm"].high > 14.15  # up to the best one's value
    assert pick(records, "psnr_tm").picked.number == 1


def test_pictures_of_few_sources_tell_nothing_apart(scored, pick):
    records = [
        scored(0, (10.0, 15.0, 20.0, 11.0), 9.0, sources="aabc"),
        scored(1, (10.3, 15.0, 20.2, 11.1), 12.0, sources="aabc"),
    ]
    found = pick(records, "psnr_tm", book=scored.book)
    assert found.picked.number == 1
    assert found.why[1] == (
        "psnr_tm: scored on pictures of 3 sources, too few to tell trials apart, so that the values decide"
    )
    assert found.ranked[0].ranges["psnr_tm"] is None


def test_a_limit_that_a_range_reaches_beyond_is_kept_and_said(trial, scored, pick):
    records = [ranged(trial, 0, 25, 19.8, 0.5), ranged(trial, 1, 20, 15.0, 0.5)]
    found = pick(records, "psnr_tm", {"latency_ms": 20})
    assert found.why[1:] == ("#0 keeps latency_ms <= 20 with 19.8, but its 95 % range reaches to 20.3",)
    assert pick(records, "psnr_tm", {"latency_ms": 21}).why[1:] == ()
    found = pick([scored(0, (10.0, 15.0, 20.0, 15.0), 9.0)], "latency_ms", None, {"psnr_tm": 14}, book=scored.book)
    assert found.why[1].startswith("#0 keeps psnr_tm >= 14 with 15, but its 95 % range reaches down to 8.5")


def test_trials_that_break_the_studys_constraints_do_not_count(trial, pick):
    assert pick([trial(0, 20, 10), trial(1, 30, 30)], "psnr_tm").picked.number == 0
    with pytest.raises(NothingSatisfiesError, match="misses it by 9"):
        pick([trial(1, 30, 30)], "psnr_tm")


def test_the_nearest_miss_is_named(trial, pick):
    records = [trial(0, 20, 10), trial(1, 25, 18)]
    with pytest.raises(NothingSatisfiesError, match=r"keeps latency_ms <= 8; #0 .* misses .* by 2 \(it has 10\)"):
        pick(records, "psnr_tm", {"latency_ms": 8})
    with pytest.raises(NothingSatisfiesError, match=r"<= 12 and psnr_tm >= 24; #0 .* misses psnr_tm >= 24 by 4"):
        pick(records, None, {"latency_ms": 12}, {"psnr_tm": 24})


def test_unknown_figures_are_refused_and_absent_ones_told(trial, pick):
    with pytest.raises(UnknownNameError, match="did you mean 'psnr_tm'"):
        pick([trial(0, 20, 10)], "psnr_t")
    with pytest.raises(UnknownNameError, match="latency"):
        pick([trial(0, 20, 10)], "psnr_tm", {"latency": 1})
    with pytest.raises(NothingSatisfiesError, match="none of 1 complete trials has pu21_psnr"):
        pick([trial(0, 20, 10)], "pu21_psnr")


def two(trial, number, psnr, board, phone, **changes):
    return trial(number, psnr, board, device_figures={"board": {"latency_ms": board}, "phone": {"latency_ms": phone}})


def test_limits_hold_on_every_device_that_is_named(trial, pick):
    records = [two(trial, 0, 20, 10, 12), two(trial, 1, 25, 11, 30), two(trial, 2, 30, 18, 35), trial(3, 40, 1)]
    assert pick(records, "psnr_tm", {"latency_ms": 20}).picked.number == 3
    both = pick(records, "psnr_tm", {"latency_ms": 20}, devices=("board", "phone"))
    assert both.picked.number == 0
    assert list(both.ranked[0].values) == ["psnr_tm", "latency_ms/board", "latency_ms/phone"]
    assert both.why[0] == "the best psnr_tm of 1 trial within latency_ms <= 20 on board and phone"
    assert pick(records, "psnr_tm", {"latency_ms/board": 15}, devices=("phone",)).picked.number == 1
    assert pick(records, "psnr_tm", {"latency_ms": 35}, devices=("phone",)).picked.number == 2
    with pytest.raises(UnknownNameError, match="no device 'tablet'"):
        pick(records, "psnr_tm", {"latency_ms": 35}, devices=("tablet",))


def test_the_figure_of_several_devices_is_the_worst(trial, pick):
    records = [two(trial, 0, 20, 10, 30), two(trial, 1, 25, 20, 21)]
    assert pick(records, "latency_ms").picked.number == 0
    found = pick(records, "latency_ms", devices=("board", "phone"))
    assert found.picked.number == 1
    assert dict(found.ranked[0].values) == {"latency_ms": 21, "latency_ms/board": 20, "latency_ms/phone": 21}
    assert found.why == ("the best latency_ms, the worst of board and phone, of 2 trials",)


def test_the_knee_leaves_out_objectives_of_other_devices(trial, pick):
    goals = (Objective(metric="psnr_tm"), Objective(metric="latency_ms/board"), Objective(metric="latency_ms/phone"))
    records = [two(trial, 0, 20, 10, 10), two(trial, 1, 28, 20, 12), two(trial, 2, 30, 15, 20)]
    found = pick(records, devices=("phone",), objectives=goals)
    assert found.picked.number == 1  # 0.2 + 0.2
    assert [axis.metric for axis in found.axes] == ["psnr_tm", "latency_ms/phone"]
    assert [axis.metric for axis in pick(records, objectives=goals).axes] == [goal.metric for goal in goals]


def test_a_target_s_figures_go_by_both_their_names(trial, pick):
    records = [trial(0, 20, 10), trial(1, 25, 18)]
    assert pick(records, "latency_ms.p50/board").picked.number == 0
    assert pick(records, "psnr_tm", {"latency_ms.p50/board": 12}).picked.number == 0
    assert pick(records, "psnr_tm", {"latency_ms/board": 20}).picked.number == 1
    with pytest.raises(NothingSatisfiesError, match="none of 2 complete trials has latency_ms/phone"):
        pick(records, "latency_ms.p50/phone")


def test_a_confirmed_trial_counts_by_its_mean(trial, pick):
    seeds = [trial(2, 16, 10, {"training.seed": 2}, confirms=0), trial(0, 26, 10), trial(1, 25, 10)]
    found = pick(seeds, "psnr_tm")
    assert found.picked.number == 1  # 25 beats the mean of 26 and 16


def test_the_first_trials_stand_in_a_table_and_why_the_first_is_taken_below(trial, pick):
    found = pick([trial(0, 20, 10), trial(1, 21, 11), trial(2, 22, 14)], count=3)
    heads, rows = selection_table(found, 2)
    assert heads[2:] == ["PSNR-TM (dB)", "Latency p50 (ms)", "gives up", "not told apart from", "verdict"]
    assert [row[0] for row in rows] == ["1", "0"]
    assert rows[0][2:] == ["21", "11", "0.750", "", "ok"]
    assert rows[1][5] == "#2"  # An end as it is.
    lines = selection_lines(found, 5)
    assert lines[0] == "there are 3 to choose from, not 5"
    assert lines[1].startswith("trial 1: ca w0.35 ")
    assert lines[1].endswith(", psnr_tm 21.00, latency_ms 11.00")
    assert lines[2] == "  the knee of the front of 3 trials"
    assert "gives up" not in selection_table(pick([trial(0, 20, 10)], "psnr_tm"), 1)[0]
