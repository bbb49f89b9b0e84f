"""The harness of the benchmark on tables made by hand: prices, what is told, and what is not."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from tests.benchmarks.wisdom.candidates import SEARCH, networks, plan_label, plans
from tests.benchmarks.wisdom.compare import Budget, Run, run_method, summarise
from tests.benchmarks.wisdom.grounds import fewest_trainings, halving_limit
from tests.benchmarks.wisdom.replay import BudgetSpentError, Grounds, NotPaidError, Recorded, Replay

EPOCHS = 4


def _row(accuracy: tuple[float, float], latency: tuple[float, float], curve: tuple[float, ...]) -> Recorded:
    values = dict(zip("ab", accuracy, strict=True))
    gate = {plan: {"latency_ms": ms} for plan, ms in zip("ab", latency, strict=True)}
    whole = len(curve) == EPOCHS
    return Recorded(
        network={},
        curve=curve,
        accuracy_float=accuracy[0] if whole else None,
        accuracy=values if whole else {},
        gate=gate,
    )


ROWS = (
    _row((12, 14), (1, 3), (11, 12, 13, 14)),
    _row((13, 13), (2, 4), (10, 10, 12, 13)),
    _row((11, 12), (3, 4), (11, 11, 11, 12)),
    _row((15, 16), (3, 5), (12, 13, 15, 16)),
    _row((9, 9), (1, 2), (8, 8, 9, 9)),
    _row((0, 0), (4, 5), (10, 11)),  # Its training fails in the third epoch.
)
GROUNDS = Grounds(rows=ROWS, epochs=EPOCHS, floor=10, ceiling=5)


def test_a_whole_training_costs_its_epochs_and_tells_every_plan() -> None:
    replay = Replay(GROUNDS, budget=100)
    assert replay.train(0, 4) == (11, 12, 13, 14)
    assert replay.accuracy(0) == {"a": 12, "b": 14}
    # 12 dB at 1 ms: 2 dB x 4 ms; 14 dB at 3 ms adds 2 dB x 2 ms.
    assert replay.trace == ((0, 0), (4, 12))
    replay.train(1, 4)  # 13 dB at 2 ms adds 1 dB x 1 ms between the two.
    assert replay.trace[-1] == (8, 13)


def test_a_training_that_was_stopped_costs_its_epochs_and_goes_on_for_the_rest() -> None:
    replay = Replay(GROUNDS, budget=100)
    assert replay.train(3, 2) == (12, 13)
    assert replay.spent == 2
    assert replay.trace == ((0, 0),)
    replay.train(3, 2)
    assert replay.spent == 2
    replay.train(3, 4)
    assert replay.spent == 4
    assert replay.trace[-1] == (4, 10)  # 15 dB at 3 ms; what is as slow as the ceiling counts nothing.


def test_what_is_not_paid_for_is_not_told() -> None:
    replay = Replay(GROUNDS, budget=100)
    assert replay.curve(3) == ()
    replay.train(3, 3)
    assert replay.curve(3) == (12, 13, 15)
    for ask in (replay.accuracy, replay.accuracy_float):
        with pytest.raises(NotPaidError):
            ask(3)
    replay.train(3, 4)
    assert replay.accuracy_float(3) == 15


def test_the_gate_costs_nothing() -> None:
    replay = Replay(GROUNDS, budget=0)
    assert replay.gate(1)["b"] == {"latency_ms": 4}
    assert replay.spent == 0
    with pytest.raises(BudgetSpentError):
        replay.train(1, 1)


def test_a_run_is_over_when_it_has_reached_enough_and_spent_the_least() -> None:
    replay = Replay(GROUNDS, budget=100, least=6, enough=12)
    replay.train(0, 4)
    assert replay.trace[-1] == (4, 12)
    replay.train(1, 2)
    with pytest.raises(BudgetSpentError):
        replay.train(1, 4)


def test_a_training_that_fails_costs_the_epoch_in_which_it_failed() -> None:
    replay = Replay(GROUNDS, budget=100)
    assert replay.train(5, 4) == (10, 11)
    assert replay.spent == 3
    assert replay.accuracy(5) == {}
    assert replay.train_for(5, "a") is None
    assert replay.spent == 6


def test_without_sharing_every_plan_costs_a_training() -> None:
    replay = Replay(GROUNDS, budget=10)
    assert replay.train_for(0, "a") == 12
    assert replay.train_for(0, "b") == 14
    assert replay.trace == ((0, 0), (4, 8), (8, 12))
    with pytest.raises(BudgetSpentError):
        replay.train_for(1, "a")


def test_plans_beyond_the_limit_count_nothing() -> None:
    assert halving_limit(GROUNDS) == 2.5  # The fastest plans take 1, 2, 3, 3, 1 and 4 ms.
    limited = replace(GROUNDS, limit=2.5)
    assert limited.breakers == {2, 3, 5}
    replay = Replay(limited, budget=100)
    replay.train(0, 4)
    replay.train(3, 4)
    assert replay.trace == ((0, 0), (4, 8), (8, 8))


def test_the_fewest_trainings_that_suffice() -> None:
    # Row 0 alone gives 12; with row 3, which adds 15 dB at 3 ms: 2 dB x 4 ms + 3 dB x 2 ms.
    assert fewest_trainings(GROUNDS, 12) == 1
    assert fewest_trainings(GROUNDS, 14) == 2
    assert fewest_trainings(GROUNDS, 100) is None


def test_the_epochs_that_a_run_needed() -> None:
    run = Run(trace=((0, 0), (4, 12), (8, 13), (12, 13)), trained=(0, 1, 2), breakers=0, seconds=0)
    assert [run.needed(volume) for volume in (12, 12.5, 14)] == [4, 8, math.inf]
    assert run.hypervolume_after(7) == 12
    found = summarise([3, 1, math.inf, 2, 5])
    assert (found.low, found.median, found.high) == (2, 3, 5)
    assert summarise([1, *[math.inf] * 4]).text() == "more (more to more)"


def _synthetic(shift: float, untouched: frozenset[int]) -> Grounds:
    """Twelve real networks; the accuracy of all but some rows is shifted, which nobody may notice."""
    rows = []
    labels = [plan_label(plan) for plan in plans()]
    for number, network in enumerate(networks(SEARCH, 12)):
        value = 12.0 + (number * 5) % 12 + (0 if number in untouched else shift)
        gate = {label: {"latency_ms": 1.0 + place + (number * 7) % 12} for place, label in enumerate(labels)}
        curve = tuple(value - 4 / epoch for epoch in range(1, 10))
        accuracy = dict.fromkeys(labels, value)
        rows.append(Recorded(network=network, curve=curve, accuracy_float=value, accuracy=accuracy, gate=gate))
    return Grounds(rows=tuple(rows), epochs=9, floor=10, ceiling=20)


@pytest.mark.parametrize(
    "name", ["random", "tpe", "nsga2", "tpe_one_plan", "frontier", "frontier+gate+rungs", "tpe+gate+rungs"]
)
def test_a_method_does_not_see_what_it_has_not_paid_for(name: str) -> None:
    as_is = run_method(name, _synthetic(0, frozenset()), seed=1, budget=Budget(trainings=5))
    assert 5 <= len(as_is.trained) < 12
    changed = run_method(name, _synthetic(50, frozenset(as_is.trained)), seed=1, budget=Budget(trainings=5))
    assert (changed.trained, changed.trace) == (as_is.trained, as_is.trace)


@pytest.mark.parametrize("name", ["frontier+gate+rungs", "tpe+gate"])
def test_behind_the_gate_no_network_is_trained_that_breaks_the_limit(name: str) -> None:
    grounds = _synthetic(0, frozenset())
    limited = replace(grounds, limit=halving_limit(grounds))
    assert len(limited.breakers) == 6
    found = run_method(name, limited, seed=1, budget=Budget(trainings=5))
    assert found.breakers == 0
    assert found.trained
    assert run_method("random", limited, seed=1, budget=Budget(trainings=12)).breakers == 6
