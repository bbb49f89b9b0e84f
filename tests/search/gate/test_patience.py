"""When a study with a gate gives up, by the records of its trials."""

from __future__ import annotations

import pytest
from tests.support.records import make_trial

from mqn.records import TrialRecord
from mqn.search.gate.patience import Patience
from mqn.search.space.gate import Gate

GATE = Gate(hard=("latency_ms",), give_up=2)


def gated(number: int, by: float) -> TrialRecord:
    violations = {"size_bytes <= 100": 7.0, "latency_ms <= 33": by}
    return make_trial(number, state="gated", figures={}, violations=violations)


def test_it_gives_up_after_so_many_and_names_the_hard_constraint():
    patience = Patience(GATE, lambda: [gated(0, 3.0)])
    assert not patience.exhausted
    patience.note(gated(1, 1.5))
    assert patience.exhausted
    assert patience.why.startswith("2 candidates were gated and none has passed: no trial of study ")
    assert "keeps latency_ms <= 33: #1 " in patience.why
    assert "misses it by 1.5" in patience.why


@pytest.mark.parametrize(
    ("passed", "changes"),
    [
        (True, {"state": "complete"}),
        (True, {"state": "held", "artifacts": {"gate/untrained": "a"}, "unfinished": {"train": "b"}}),
        (True, {"state": "failed", "artifacts": {"train": "b"}}),
        (False, {"state": "held", "artifacts": {"gate/untrained": "a"}, "unfinished": {"gate/measure/board": "b"}}),
        (False, {"state": "failed", "artifacts": {}, "unfinished": {"gate/convert": "a"}}),
        (False, {"state": "running", "artifacts": {}}),
    ],
)
def test_any_that_went_beyond_the_gate_has_passed(passed, changes):
    other = make_trial(2, **{"artifacts": {}, **changes})
    assert Patience(GATE, lambda: [gated(0, 1.0), other, gated(1, 1.0)]).exhausted is not passed


def test_without_a_gate_nothing_is_given_up():
    assert not Patience(None, lambda: [gated(i, 1.0) for i in range(40)]).exhausted


def test_a_later_look_counts_the_trials_of_other_drivers():
    found = [gated(0, 1.0), gated(1, 1.0)]
    patience = Patience(GATE, lambda: found)
    assert patience.look().exhausted
    found.append(make_trial(2))
    assert not patience.look().exhausted
