"""What `mqn status` says of a study that is driven, was left, or waits."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from tests.support.records import make_trial

from mqn.cli.app import run
from mqn.cli.study.status import _named, alike
from mqn.profile import Profile
from mqn.search.budget.stall import Stalled
from mqn.search.budget.standstill import note_stall
from mqn.search.space.ending import Stall
from mqn.search.space.space_file import parse_space
from mqn.search.storage.lease import Lease
from mqn.search.storage.store import connect
from mqn.search.storage.tables import DRIVERS, HOLDS
from mqn.search.study.about import About
from mqn.search.study.studies import create_study
from mqn.search.study.study import Study
from mqn.search.trials.confirmation import Confirmation

DEFINITION = {
    "name": "tiny",
    "sampler": "random",
    "trials": 4,
    "objectives": [{"metric": "psnr_tm"}, {"metric": "latency_ms"}],
    "dimensions": {"arch.attention": {"choices": ["none", "sa", "csa", "ca"]}},
}


@pytest.fixture
def study() -> Study:
    """Driven by this process: one trial is complete, one failed, one waits for a steady device, one runs."""
    space = parse_space(DEFINITION, source="tiny.toml")
    about = About(space=space.definition, space_hash=space.hash, space_name="/spaces/my tiny.toml")
    store = connect(Profile().study_url)
    lease = Lease(store.database, "tiny", store.patience)
    lease.take()
    made = create_study("tiny", store, about, lease)
    words: list[dict[str, Any]] = [
        {"figures": {"psnr_tm": 20.0, "latency_ms": 3.0}, "lowering": {"board": "phases,norms"}},
        {"state": "failed", "error": "train: the loss is not finite"},
        {
            "state": "held",
            "waits": "measure/board: measured as 'unsteady'",
            "verdicts": {"board": "unsteady"},
            "unaccepted": {"board": {"latency_ms": 4.0}},
        },
    ]
    for number, word in enumerate(words):
        trial = made.ask()
        assert trial is not None
        record = make_trial(number, study="tiny", candidate=space.candidate(trial.params), **word)
        made.note(trial, record)
        if record.state != "held":
            made.finish(trial, record)
    space.candidate(made.ask().params)  # type: ignore[arg-type]
    return made


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert run(["status", "tiny", *words]) == 0
    return capsys.readouterr().out


def leave(study: Study) -> None:
    """Have the driver's process be another one, that is gone."""
    with study.store.database.engine.begin() as connection:
        connection.execute(update(DRIVERS).values(started="1.00"))


@pytest.mark.slow
def test_of_a_study_that_is_driven_it_says_by_whom_and_advises_nothing(study, capsys):
    text = shown(capsys)
    assert "tiny: 1 complete, 1 failed, 1 running, 1 waiting" in text
    assert f"driven by process {os.getpid()} on {socket.gethostname()} since 20" in text
    assert ": trials 3\n" in text
    assert "files tuned on board: phases,norms in 1 trial\n" in text
    assert "mqn search" not in text
    plain = json.loads(shown(capsys, "--json"))
    assert plain["lowering"] == {"board": {"phases,norms": 1}}
    assert plain["trials"] == {
        "complete": 1, "failed": 1, "pruned": 0, "gated": 0, "stopped": 0, "running": 1, "paused": 0, "interrupted": 0,
        "held": 1, "waiting": 0,
    }  # fmt: skip
    (driver,) = plain["drivers"]
    assert (driver["host"], driver["process"], driver["trials"]) == (socket.gethostname(), os.getpid(), [3])


@pytest.mark.slow
def test_of_a_study_that_was_left_it_says_how_to_go_on(study, capsys, tmp_path: Path):
    leave(study)
    study.lease = None
    study.set_goal(5)
    profile = tmp_path / "my lab.toml"
    profile.write_text("")
    text = shown(capsys, "--profile", str(profile))
    command = f"mqn search '/spaces/my tiny.toml' --study tiny --resume --profile '{profile}' --trials 5"
    assert "1 failed, 1 interrupted, 1 waiting" in text
    assert "driven by" not in text
    assert f"1 trial waits for a steady device: resume when it is quiet ({command})" in text
    assert f"or accept unsteady figures with: {command} --accept unsteady" in text
    assert f"try the failed ones again with: {command} --retry-failed" in text
    assert json.loads(shown(capsys, "--json"))["drivers"] == []


@pytest.mark.slow
def test_of_a_study_that_is_done_it_advises_nothing(study, capsys):
    study.retry_failed()
    retried = study.ask()
    candidate = study.space.candidate(retried.params)
    figures = {"psnr_tm": 20.0, "latency_ms": 3.0}
    for number in (2, 3, 4):
        trial = study.take_up(study.optuna.get_trials()[number])
        record = make_trial(number, study="tiny", candidate=candidate, figures=figures)
        study.finish(trial, record)
    study.lease.give_back()
    text = shown(capsys)
    assert "tiny: 4 complete\n" in text
    assert "mqn search" not in text


@pytest.mark.slow
def test_older_studies_have_no_drivers(study, capsys):
    with study.store.database.engine.begin() as connection:
        DRIVERS.drop(connection)
        HOLDS.drop(connection)
    assert "1 interrupted" in shown(capsys)


@pytest.mark.slow
def test_of_a_study_whose_front_has_stalled_it_says_so_and_what_confirms_it_is_counted_apart(study, capsys):
    leave(study)
    study.lease = None
    for number in (2, 3):
        study.finish(study.take_up(study.optuna.get_trials()[number]), make_trial(number, state="failed"))
    note_stall(study.optuna, Stalled(trainings=30, growth=0.0, setting=Stall()), study.begun())
    text = shown(capsys)
    assert "the front has stalled: over the last 20 of 30 trainings" in text
    assert "--study tiny --resume --stall off" in text
    study.enqueue_confirmations([Confirmation(trial=0, seed=1)])
    text = shown(capsys)
    assert "confirmations of the front: 1 not begun" in text
    assert "go on with: mqn search '/spaces/my tiny.toml' --study tiny --resume" in text
    assert "--stall off" not in text
    assert json.loads(shown(capsys, "--json"))["confirmations"]["waiting"] == 1


def test_failures_that_differ_in_numbers_alone_are_told_once():
    errors = {number: f"gate: its largest kernel has {800 + number} weights" for number in range(7)}
    found = alike({**errors, 9: "train: the loss is not finite"})
    assert found == [(list(range(7)), errors[0]), ([9], "train: the loss is not finite")]
    assert _named([9]) == "trial 9"
    assert _named([1, 2]) == "2 trials (1, 2)"
    assert _named(list(range(7))) == "7 trials (0, 1, 2, 3, 4 and 2 more)"
