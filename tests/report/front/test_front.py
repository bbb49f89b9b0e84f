from __future__ import annotations

import pytest
from tests.support.records import make_trial

from mqn.errors import NothingSatisfiesError, UnknownNameError
from mqn.quantities import quantity
from mqn.report.front.front import front
from mqn.report.front.hypervolume import hypervolume
from mqn.report.front.points import axes_of
from mqn.search.space.goals import Constraint, Objective


def numbers(points):
    return [point.record.number for point in points]


def test_the_front_parts_best_beaten_and_infeasible(trial, objectives):
    records = [trial(0, 20, 10), trial(1, 22, 15), trial(2, 21, 16), trial(3, 30, 25), trial(4, 0, 0, state="failed")]
    found = front(records, objectives)
    assert (numbers(found.points), numbers(found.beaten), numbers(found.infeasible)) == ([0, 1], [2], [3])
    assert [point.values for point in found.points] == [(20, 10), (22, 15)]


def test_a_direction_of_ones_own_turns_the_front_round(trial, objectives):
    records = [trial(0, 20, 10), trial(1, 22, 15)]
    slow = (objectives[0], Objective(metric="latency_ms", direction="maximize"))
    assert numbers(front(records, slow).points) == [1]


def test_three_objectives(trial, objectives):
    records = [
        trial(n, 20, 10, figures={"psnr_tm": 20.0, "latency_ms": 10.0, "size_bytes": size})
        for n, size in enumerate([300.0, 200.0])
    ]
    records.append(trial(2, 19, 9, figures={"psnr_tm": 19.0, "latency_ms": 9.0, "size_bytes": 400.0}))
    assert numbers(front(records, (*objectives, Objective(metric="size_bytes"))).points) == [2, 1]


def test_points_with_another_verdict_than_ok_are_marked(trial, objectives):
    records = [trial(0, 20, 10, verdicts={"board": "unsteady"}), trial(1, 22, 15)]
    assert [point.steady for point in front(records, objectives).points] == [False, True]


def test_a_front_of_one_device_takes_its_figures(trial, objectives):
    both = {"board": {"latency_ms": 10.0}, "phone": {"latency_ms": 4.0}}
    verdicts = {"board": "contended", "phone": "ok"}
    records = [trial(0, 20, 10, device_figures=both, verdicts=verdicts), trial(1, 25, 5)]
    found = front(records, objectives, "phone")
    assert [(point.values, point.steady) for point in found.points] == [((20, 4), True)]
    with pytest.raises(UnknownNameError, match="did you mean 'phone'"):
        front(records, objectives, "phones")


def test_the_nearest_miss_is_named(trial, objectives):
    records = [trial(0, 20, 24), trial(1, 22, 23.5)]
    with pytest.raises(
        NothingSatisfiesError, match=r"keeps latency_ms <= 21: #1 ca w0.35 int8\+dynamic .* misses it by 2.5"
    ):
        front(records, objectives)


def test_constraints_missed_only_together_name_the_nearest_trial(trial, objectives):
    records = [
        trial(0, 20, 24, violations={"latency_ms <= 21": 3.0, "psnr_tm >= 19": -1.0}),
        trial(1, 18, 20, violations={"latency_ms <= 21": -1.0, "psnr_tm >= 19": 1.0}),
    ]
    with pytest.raises(NothingSatisfiesError, match=r"all constraints at once: #1 .* misses psnr_tm >= 19 by 1;"):
        front(records, objectives)


def test_without_a_complete_trial_the_states_are_told(trial, objectives):
    with pytest.raises(NothingSatisfiesError, match=r"no complete trial with psnr_tm and latency_ms \(1 failed\)"):
        front([trial(0, 1, 1, state="failed")], objectives)
    with pytest.raises(NothingSatisfiesError, match="no trials yet"):
        front([], objectives)


def test_gated_trials_are_counted_and_have_no_place(trial, objectives):
    gated = make_trial(9, state="gated", gate={"latency_ms/board": 50.0}, violations={"latency_ms <= 33": 17.0})
    found = front([trial(0, 20.0, 5.0), gated], objectives)
    assert found.caption == "front of 1 out of 1 complete trials, 1 gated"
    assert found.plain()["gated"] == [9]
    assert (found.infeasible, found.held, found.waiting) == ((), (), ())


def test_where_all_are_gated_the_nearest_miss_is_named(objectives):
    gated = [make_trial(i, state="gated", violations={"latency_ms <= 33": 17.0 - i}) for i in range(3)]
    line = r"no complete trial \(3 gated\): .* keeps latency_ms <= 33: #2 .* misses it by 15"
    with pytest.raises(NothingSatisfiesError, match=line):
        front(gated, objectives)


def test_plain_front_is_what_the_command_prints(trial, objectives):
    plain = front([trial(0, 20, 10)], objectives).plain()
    assert plain["objectives"] == [
        {"metric": "psnr_tm", "direction": "maximize"},
        {"metric": "latency_ms", "direction": "minimize"},
    ]
    (point,) = plain["front"]
    assert (point["trial"], point["values"]) == (0, {"psnr_tm": 20, "latency_ms": 10})
    assert point["candidate"]["arch"]["attention"] == "ca"


def test_hypervolume_grows_by_rectangles(trial, objectives):
    records = [trial(0, 2, 3), trial(1, 1, 1), trial(2, 0.5, 5), trial(3, 9, 30)]
    history = hypervolume(records, objectives, reference=(0, 10))
    # 2 x 7, then 1 x 2 more to the left; the third is beaten, the fourth breaks the constraint.
    assert history.trials == (0, 1, 2, 3)
    assert history.values == (14, 16, 16, 16)
    assert history.final == 16


def test_the_reference_lies_a_tenth_of_the_range_behind_the_worst(trial, objectives):
    history = hypervolume([trial(0, 10, 5), trial(1, 20, 15)], objectives)
    assert history.reference == pytest.approx((9, 16))
    assert history.values == pytest.approx((1 * 11, 1 * 11 + 10 * 1))


def test_without_a_feasible_trial_the_hypervolume_is_nothing(trial, objectives):
    assert hypervolume([trial(0, 10, 50)], objectives).final == 0


def test_directions_are_the_quantities_own_unless_given():
    axes = axes_of([Objective(metric="size_bytes"), Objective(metric="ssim_tm")])
    assert [axis.direction for axis in axes] == ["minimize", "maximize"]
    assert axes[0].quantity is quantity("size_bytes")


def test_a_miss_is_written_as_its_figure_is(trial, objectives):
    bound = Constraint(metric="size_bytes", max=1_200_000)
    record = trial(0, 20, 10, violations=bound.violations({"size_bytes": 2_425_000.0}))
    with pytest.raises(NothingSatisfiesError, match=r"keeps size_bytes <= 1200000: #0 .* misses it by 1,225,000;"):
        front([record], objectives)


@pytest.mark.parametrize(
    ("unaccepted", "words"),
    [({"board": {"latency_ms": 3.0}}, "1 waits for a steady device"), ({}, "1 waits for another try")],
)
def test_a_trial_waits_for_a_steady_device_or_for_another_try(trial, objectives, unaccepted, words):
    waits = trial(2, 0, 0, state="held", figures={}, device_figures={}, violations={}, unaccepted=unaccepted, waits="w")
    found = front([trial(0, 20, 10), waits], objectives)
    assert found.caption == f"front of 1 out of 1 complete trials, {words}"
    with pytest.raises(NothingSatisfiesError, match=words.replace("waits", "wait")):
        front([waits], objectives)


def test_json_tells_constraints_who_breaks_them_and_who_waits(trial, objectives):
    waits = trial(2, 0, 0, state="held", figures={"psnr_tm": 25.0}, device_figures={}, violations={}, waits="w")
    records = [trial(0, 20, 10), trial(1, 25, 30), waits]
    plain = front(records, objectives, constraints=[Constraint(metric="latency_ms", max=21.0)]).plain()
    assert plain["constraints"] == [{"metric": "latency_ms", "max": 21.0, "min": None}]
    assert (plain["infeasible"], plain["waiting"], plain["held"]) == ([1], [2], [])  # It has no figure to show.


@pytest.mark.parametrize(
    ("metric", "value", "text"),
    [
        ("size_bytes", 1_225_000.0, "1,225,000"),
        ("macs", 5.526e8, "552,600,000"),
        ("latency_ms", 0.55234, "0.5523"),
        ("latency_ms", 12_345.6, "12,346"),
        ("psnr_tm", 20.7512, "20.75"),
        ("psnr_tm", -0.5, "-0.5"),
        ("ssim_tm", 0.00001234, "1.234e-05"),
    ],
)
def test_figures_are_written_as_people_read_them(metric, value, text):
    assert quantity(metric).text(value) == text
