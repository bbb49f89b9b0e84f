"""`mqn status --replay-rungs`: nine trainings of nine epochs, of which rungs would have stopped seven."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from tests.support.records import make_trial

from mqn.cli.app import run
from mqn.profile import Profile
from mqn.search.space.space_file import parse_space
from mqn.search.storage.store import connect
from mqn.search.study.about import About
from mqn.search.study.studies import create_study
from mqn.search.trials.knowledge import curve_attribute

QUALITY = [25.0, 21.0, 29.0, 22.0, 27.0, 20.0, 28.0, 26.0, 24.0]
DEFINITION = {
    "name": "tiny",
    "sampler": "random",
    "trials": 9,
    "objectives": [{"metric": "psnr_tm"}, {"metric": "latency_ms"}],
    "fixed": {"training": {"epochs": 9}},
    "dimensions": {"training.seed": {"choices": list(range(100))}},
}

pytestmark = pytest.mark.slow  # Trials are written into a database.


@pytest.fixture
def make() -> Callable[..., None]:
    """Makes a study that has run without rungs; `late` is a network that is the best in its last epoch alone."""

    def make(*, curves: bool = True, late: int | None = None, epochs: int = 9) -> None:
        space = parse_space({**DEFINITION, "fixed": {"training": {"epochs": epochs}}}, source="tiny.toml")
        about = About(space=space.definition, space_hash=space.hash, space_name="tiny")
        study = create_study("tiny", connect(Profile().study_url), about)
        for number, quality in enumerate(QUALITY):
            trial = study.ask()
            assert trial is not None
            figures = {"psnr_tm": 40.0 if number == late else quality, "latency_ms": 10.0}
            candidate = space.candidate(trial.params)
            record = make_trial(number, study="tiny", candidate=candidate, figures=figures)
            if curves:
                study.tell_sampler(trial, curve_attribute([quality] * (epochs - 1) + [figures["psnr_tm"]]))
            study.note(trial, record)
            study.finish(trial, record)

    return make


def shown(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert run(["status", "tiny", "--replay-rungs", *words]) == code
    told = capsys.readouterr()
    return told.out if code == 0 else told.err


def test_it_says_what_would_have_been_saved(make, capsys):
    make()
    text = shown(capsys)
    assert "replayed with the usual rungs: one of 3 trainings that reach a rung goes on" in text
    assert "trainings that would have been stopped: 7 of 9" in text
    # 4 and 6 go on to epoch 3, five stop after the first.
    assert "epochs that would have been saved: 52 of 81 (64%)" in text
    assert "no member of its front would have been stopped" in text


def test_it_names_the_members_of_the_front_that_would_have_been_stopped(make, capsys):
    make(late=5)
    assert "of its front this would have been stopped after epoch 1: #5" in shown(capsys)
    plain = json.loads(shown(capsys, "--json"))
    assert plain["front_stopped"] == {"5": 1}
    assert (plain["trainings"], plain["stopped"], plain["epochs"], plain["saved_epochs"]) == (9, 7, 81, 52)


def test_a_study_without_curves_says_so(make, capsys):
    make(curves=False)
    assert "study 'tiny' has no curves" in shown(capsys, code=1)


def test_trainings_that_are_too_short_say_so(make, capsys):
    make(epochs=2)
    assert "trainings of 2 epochs, which are too short" in shown(capsys, code=1)


def test_it_is_about_one_study(capsys):
    assert run(["status", "--replay-rungs"]) == 2
    assert "--replay-rungs is about one study" in capsys.readouterr().err
