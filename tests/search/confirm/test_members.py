from __future__ import annotations

from optuna.trial import TrialState, create_trial

from mqn.search.confirm.members import members, wanted
from mqn.search.trials.confirmation import CONFIRMS, Confirmation


def ended(number, values, *, broken=0.0, **system):
    limits = {"constraints:latency_ms <= 5": broken} if broken else {}
    trial = create_trial(state=TrialState.COMPLETE, values=values, system_attrs={**system, **limits})
    trial.number = number
    return trial


def test_the_front_s_trials_are_confirmed_and_those_that_confirm_are_not():
    trials = [
        ended(0, [20.0, 4.0]),
        ended(1, [22.0, 6.0]),
        ended(2, [19.0, 5.0]),  # beaten
        ended(3, [30.0, 9.0], broken=4.0),
        ended(4, [20.5, 4.0], **{CONFIRMS: {"trial": 0, "seed": 1}}),
    ]
    assert [frozen.number for frozen in members(trials, ["maximize", "minimize"])] == [0, 1]
    assert members(trials[3:], ["maximize", "minimize"]) == []


def test_each_trial_gets_the_seeds_that_follow_its_own_one_round_after_the_other():
    assert wanted([(3, 0), (8, 2**32 - 1)], 2) == [
        Confirmation(trial=3, seed=1),
        Confirmation(trial=8, seed=0),
        Confirmation(trial=3, seed=2),
        Confirmation(trial=8, seed=1),
    ]


def test_another_round_takes_who_came_onto_the_front_by_the_last_one():
    trials = [
        ended(0, [20.0, 4.0]),
        ended(1, [22.0, 6.0]),  # by luck
        ended(2, [21.0, 7.0]),
        ended(3, [18.0, 6.0], **{CONFIRMS: {"trial": 1, "seed": 1}}),
        ended(4, [20.0, 4.0], **{CONFIRMS: {"trial": 0, "seed": 1}}),
    ]
    assert [frozen.number for frozen in members(trials[:3], ["maximize", "minimize"])] == [0, 1]
    assert [frozen.number for frozen in members(trials, ["maximize", "minimize"])] == [0, 2]
