"""What drivers tell samplers of trials that still run."""

from __future__ import annotations

from typing import Any

import pytest
from optuna.trial import TrialState

from mqn.search.space.space_file import parse_space
from mqn.search.study.studies import open_study
from mqn.search.trials.knowledge import curve_attribute, gate_attribute, read_knowledge

pytestmark = pytest.mark.integration  # Studies in a database.

DEFINITION: dict[str, Any] = {
    "name": "tiny",
    "sampler": "random",
    "objectives": [{"metric": "psnr_tm"}, {"metric": "latency_ms"}],
    "dimensions": {"training.epochs": {"low": 1, "high": 90}},
}


def test_what_is_told_of_a_running_trial_is_known_at_once_and_to_other_drivers_when_they_look(make_study):
    study = make_study(parse_space(DEFINITION, source="tiny"))
    trial = study.ask()
    other = open_study("tiny", study.url)
    assert other.trials(TrialState.RUNNING)[0].system_attrs.keys().isdisjoint({"mqn:gate", "mqn:curve"})

    study.tell_sampler(trial, gate_attribute({"latency_ms": 4.0}))
    study.tell_sampler(trial, curve_attribute([10.0]))
    study.tell_sampler(trial, curve_attribute([10.0, 11.0]))

    (own,) = study.trials(TrialState.RUNNING)
    assert (read_knowledge(own).gate, read_knowledge(own).curve) == ({"latency_ms": 4.0}, (10.0, 11.0))
    other._mirror.look_at_running([trial.id])
    (theirs,) = other.trials(TrialState.RUNNING)
    assert read_knowledge(theirs) == read_knowledge(own)
    assert other._mirror.look_at_running([]) == []
    assert other._mirror.look_at_running([trial.id])[0] is theirs  # What has not changed is not put in anew.
    changed, position = other.changes(0)
    assert changed == {0: theirs}
    assert other.changes(position) == ({}, position)
