from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.support.records import make_trial
from tests.support.search_fakes import grid_definition

from mqn.cli.app import run
from mqn.cli.system.tracking import describe_experiments, describe_tracking
from mqn.home import home
from mqn.profile import load_profile
from mqn.records import TrialRecord
from mqn.search.space.space_file import parse_space
from mqn.search.study.about import About
from mqn.search.study.studies import create_study
from mqn.text.redaction import redact
from mqn.track.complete import find_logged
from mqn.track.tracker import Tracker


def record(study: str, number: int = 0) -> TrialRecord:
    return make_trial(number, study=study, figures={"psnr_tm": 25.0})


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    for variable in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        monkeypatch.delenv(variable, raising=False)
    path = tmp_path / "p.toml"
    path.write_text(f'[tracking]\nuri = "sqlite:///{tmp_path}/there/mlflow.db"\n')
    return str(path)


@pytest.mark.slow
def test_what_waits_is_sent_again(tmp_path, profile, capsys):
    (tmp_path / "there").write_text("in the way")
    with Tracker(load_profile(profile).tracking_uri, home() / "spool") as tracker:
        tracker.log_trial(record("one"))
        tracker.log_trial(record("two"))
        tracker.flush()
    with Tracker("http://127.0.0.1:9", home() / "spool") as tracker:
        tracker.log_trial(record("three"))
    assert run(["track", "resend", "--profile", profile]) == 1
    shown = capsys.readouterr()
    assert "mqn: not sent: 2 entries wait: " in shown.err
    assert "1 entry waits for http://127.0.0.1:9: give a profile that names it" in shown.err
    (tmp_path / "there").unlink()
    assert run(["track", "resend", "four", "--profile", profile]) == 2
    assert "allowed: one, two" in capsys.readouterr().err
    assert run(["track", "resend", "one", "--profile", profile]) == 0
    assert capsys.readouterr().out == "sent: 1 of 1\n"
    assert run(["track", "resend", "--profile", profile, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["sent"], told["backlog"]["left"], told["elsewhere"]) == (1, 0, {"http://127.0.0.1:9": 1})
    assert run(["track", "resend", "--profile", profile]) == 0
    assert capsys.readouterr().out.startswith("nothing waits for sqlite:///")


def test_a_profile_that_logs_nowhere_has_nothing_to_send(tmp_path, capsys):
    path = tmp_path / "p.toml"
    path.write_text('[tracking]\nuri = ""\n')
    assert run(["track", "resend", "--profile", str(path)]) == 2
    assert "logs nowhere" in capsys.readouterr().err


def test_mlflows_variables_count_where_the_profile_names_no_server(monkeypatch, profile):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:s3cret@server")
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "http://registry")
    default = load_profile("default")
    assert (default.tracking_uri, default.registry_uri) == ("http://me:s3cret@server", "http://registry")
    assert describe_tracking(default, "default") == (
        "tracking: MLFLOW_TRACKING_URI=http://me:***@server, MLFLOW_REGISTRY_URI=http://registry are used, as profile "
        "'default' names no server"
    )
    own = load_profile(profile)
    assert own.tracking_uri.startswith("sqlite:///")
    assert own.registry_uri is None
    assert describe_tracking(own, "p") == (
        "tracking: MLFLOW_TRACKING_URI and MLFLOW_REGISTRY_URI are not used, as profile 'p' says tracking.uri = "
        + own.tracking_uri
    )


def test_a_variable_that_names_an_experiment_is_told_not_to_count(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    default = load_profile("default")
    assert describe_experiments(default) == ""
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "team")
    assert describe_experiments(default).startswith(
        "tracking: MLFLOW_EXPERIMENT_NAME is not used: each study is an experiment of its own"
    )


def test_without_mlflows_variables_nothing_is_said_and_runs_stay_at_home(monkeypatch):
    for variable in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        monkeypatch.delenv(variable, raising=False)
    default = load_profile("default")
    assert default.tracking_uri == f"sqlite:///{home()}/mlflow.db"
    assert describe_tracking(default, "default") == ""


def test_an_empty_uri_logs_nowhere_whatever_mlflows_variables_say(monkeypatch, tmp_path):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://server")
    path = tmp_path / "p.toml"
    path.write_text('[tracking]\nuri = ""\n')
    assert load_profile(str(path)).tracking_uri == ""


def test_the_passwords_of_a_profile_are_known_to_be_secret(tmp_path):
    path = tmp_path / "p.toml"
    path.write_text('[storage]\nstudy = "postgresql://me:m4rked pass\'s@db/x"\n')
    load_profile(str(path))
    assert redact("refused for m4rked pass's") == "refused for ***"


@pytest.mark.slow
def test_what_another_machine_never_sent_is_logged_from_the_database(tmp_path, profile, capsys):
    settled = load_profile(profile)
    space = parse_space(grid_definition(), source="tiny.toml")
    about = About(space=space.definition, space_hash=space.hash, space_name="tiny", data_hash="d")
    study = create_study("tiny", settled.study_url, about)
    study.enqueue(space.grid())
    for _ in range(2):
        trial = study.ask()
        made = make_trial(trial.number, study="tiny", figures={"psnr_tm": 25.0, "latency_ms": 4.0})
        study.note(trial, made)
        study.finish(trial, made)
    assert run(["track", "resend", "--profile", profile, "--rebuild"]) == 2
    assert "--rebuild needs a study" in capsys.readouterr().err
    assert run(["track", "resend", "tiny", "--profile", profile, "--rebuild"]) == 0
    shown = capsys.readouterr()
    assert shown.out == "sent: 4 of 4\n"  # The study is opened and ended, too.
    assert "logging 2 trials that another driver finished and did not send to MLflow" in shown.err
    assert find_logged(settled.tracking_uri, "tiny") == {0, 1}
    assert run(["track", "resend", "tiny", "--profile", profile, "--rebuild"]) == 0
    assert "no finished trial of the study is missing" in capsys.readouterr().err
    assert run(["track", "resend", "tinny", "--profile", profile, "--rebuild"]) == 2
    assert "no study 'tinny'; did you mean 'tiny'?" in capsys.readouterr().err
