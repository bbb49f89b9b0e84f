"""What a sampler learns from late in a study."""

from __future__ import annotations

import numpy as np
import pytest
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from mqn.pareto import front_mask
from mqn.search.trials.history import History

DIRECTIONS = [StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE]


def trial(number: int, values: list[float], broken: float = 0.0) -> FrozenTrial:
    return FrozenTrial(
        number=number,
        trial_id=number,
        state=TrialState.COMPLETE,
        value=None,
        values=values,
        datetime_start=None,
        datetime_complete=None,
        params={},
        distributions={},
        user_attrs={},
        system_attrs={"constraints:limit": broken},
        intermediate_values={},
    )


def trials(count: int) -> list[FrozenTrial]:
    source = np.random.default_rng(0)
    return [trial(i, [float(source.random()), float(source.random())], float(i % 7 == 0)) for i in range(count)]


def history(some: list[FrozenTrial]) -> History:
    made = History(DIRECTIONS)
    for one in some:
        made.add(one)
    return made


def test_few_are_learnt_from_altogether():
    some = trials(20)
    assert history(some[::-1]).choose([0, 20], most=20) == some


def gated(number: int, broken: float) -> FrozenTrial:
    one = trial(number, [], broken)
    one.state, one.values = TrialState.PRUNED, None
    return one


def test_trials_of_the_gate_are_learnt_from_though_they_have_no_values():
    some = [*trials(20), *(gated(20 + i, 1.0 + i) for i in range(40))]
    chosen = history(some).choose([0, 60], most=40)
    assert len(chosen) == 40
    assert {one.number for one in some if one.state == TrialState.COMPLETE and not any(one.constraints.values())} <= {
        one.number for one in chosen
    }
    assert any(one.values is None for one in chosen)


def test_a_trial_that_ended_without_values_and_breaks_nothing_teaches_nothing():
    assert history([gated(0, 0.0)]).all() == []


def test_of_many_the_front_is_always_among_them_in_their_order():
    some = trials(2000)
    chosen = [one.number for one in history(some).choose([0, 2000], most=300)]
    assert len(chosen) == 300
    assert chosen == sorted(set(chosen))
    feasible = [one for one in some if one.number % 7]
    front = front_mask([[-one.values[0], one.values[1]] for one in feasible])
    assert {one.number for one, best in zip(feasible, front, strict=True) if best} <= set(chosen)


def test_which_they_are_depends_on_no_order_and_on_no_earlier_choice():
    some = trials(1500)
    shuffled = [some[i] for i in np.random.default_rng(1).permutation(1500)]
    grown = History(DIRECTIONS)
    for i, one in enumerate(shuffled):
        grown.add(one)
        if i % 100 == 99:
            grown.choose([0, i], most=50)
    chosen = [grown.choose([3, 1500], most=300), history(some).choose([3, 1500], most=300)]
    assert chosen[0] == chosen[1]
    assert chosen[0] != history(some).choose([4, 1500], most=300)


@pytest.mark.parametrize("feasible", [0, 3])
def test_where_few_keep_the_constraints_those_that_break_least_are_best(feasible):
    some = [trial(i, [0.0, 0.0], 0.0 if i < feasible else float(i)) for i in range(500)]
    chosen = [one.number for one in history(some).choose([0, 500], most=200)]
    assert set(range(100)) <= set(chosen)
