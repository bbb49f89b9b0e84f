"""`mqn trials`, `mqn delete` and `mqn clean` as a user meets them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from tests.support.records import make_trial

from mqn.cli.app import run
from mqn.home import home
from mqn.profile import Profile
from mqn.search.space.space_file import parse_space
from mqn.search.storage.lease import Lease
from mqn.search.study.about import About
from mqn.search.study.studies import create_study, list_studies
from mqn.search.study.study import Study

DEFINITION = {
    "name": "tiny",
    "sampler": "random",
    "trials": 4,
    "objectives": [{"metric": "psnr_tm"}, {"metric": "latency_ms"}],
    "dimensions": {"arch.attention": {"choices": ["none", "sa", "csa", "ca"]}},
}


@pytest.fixture(autouse=True)
def study(monkeypatch: pytest.MonkeyPatch) -> Study:
    """One trial is complete, one failed."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{home() / 'absent.db'}")
    space = parse_space(DEFINITION, source="tiny.toml")
    about = About(space=space.definition, space_hash=space.hash, space_name="tiny")
    made = create_study("tiny", Profile().study_url, about)
    words = [{"figures": {"psnr_tm": 20.0, "latency_ms": 3.0}}, {"error": "train: the loss is not finite"}]
    for number, word in enumerate(words):
        trial = made.ask()
        assert trial is not None
        state = "failed" if "error" in word else "complete"
        record = make_trial(number, study="tiny", state=state, candidate=space.candidate(trial.params), **word)
        made.note(trial, record)
        made.finish(trial, record)
    return made


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """The exit code and the last line of a command that fails."""
    code = run(words)
    captured = capsys.readouterr()
    assert captured.out == ""
    return code, captured.err.splitlines()[-1]


@pytest.mark.slow
def test_trials_are_a_table_for_people(capsys):
    assert run(["trials", "tiny"]) == 0
    shown = capsys.readouterr().out
    assert "tiny: 2 trials" in shown
    assert "PSNR-TM (dB)" in shown
    assert "train: the loss is not finite" in shown


@pytest.mark.slow
def test_csv_goes_to_stdout_or_a_file(capsys, tmp_path: Path):
    assert run(["trials", "tiny", "--csv"]) == 0
    text = capsys.readouterr().out
    first, second = csv.DictReader(io.StringIO(text))
    assert (first["trial"], first["psnr_tm"], first["latency_ms.p50/board"]) == ("0", "20.0", "3.0")
    assert (second["state"], second["psnr_tm"], second["error"]) == ("failed", "", "train: the loss is not finite")
    file = tmp_path / "new" / "tiny.csv"
    assert run(["trials", "tiny", "--output", str(file)]) == 0
    captured = capsys.readouterr()
    assert (file.read_text(), captured.out) == (text, "")
    assert "written: " in captured.err


@pytest.mark.slow
def test_json_holds_the_same_columns(capsys):
    assert run(["trials", "tiny", "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert (plain["study"], [row["state"] for row in plain["trials"]]) == ("tiny", ["complete", "failed"])
    assert plain["trials"][0]["latency_ms.p50/board"] == 3.0
    assert plain["trials"][1]["psnr_tm"] is None


@pytest.mark.slow
@pytest.mark.parametrize("command", [("trials", "tin"), ("delete", "tin", "--yes")])
def test_a_study_that_is_none_is_one_line(command, capsys):
    code, line = refused(capsys, *command)
    assert code == 2
    assert line.startswith("mqn: no study 'tin'; did you mean 'tiny'?")


@pytest.mark.slow
def test_nothing_is_deleted_unless_somebody_says_yes(capsys, monkeypatch):
    code, line = refused(capsys, "delete", "tiny")
    assert (code, line) == (2, "mqn: delete study tiny? Nobody can be asked here: add --yes")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", lambda *_, **__: False)
    assert refused(capsys, "delete", "tiny") == (1, "nothing was deleted")
    assert list(list_studies(Profile().study_url)) == ["tiny"]


@pytest.mark.slow
def test_delete_says_what_goes_and_does_it(capsys):
    assert run(["delete", "tiny", "--yes"]) == 0
    captured = capsys.readouterr()
    assert "tiny: 2 trials in the study's database" in captured.err
    assert "0 artifacts that no other study refers to" in captured.err
    assert captured.out == "deleted: tiny\n"
    assert list_studies(Profile().study_url) == {}


@pytest.mark.slow
def test_a_study_that_is_driven_is_not_deleted(study, capsys):
    lease = Lease(study.store.database, "tiny", study.store.patience)
    lease.take()
    code, line = refused(capsys, "delete", "tiny", "--yes")
    lease.give_back()
    assert code == 1
    assert "study 'tiny' is driven by process" in line


@pytest.mark.slow
def test_clean_is_dry_unless_told_otherwise(capsys):
    lone = home() / "artifacts" / "score" / "0123"
    lone.mkdir(parents=True)
    (lone / "scores.json").write_text("{}")
    assert run(["clean"]) == 0
    shown = capsys.readouterr().out
    assert "study.db" in shown
    assert "artifacts that no study refers to" in shown
    assert "2 bytes can go; nothing was removed yet: mqn clean --yes" in shown
    assert lone.exists()
    assert run(["clean", "--yes", "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert (plain["freed_bytes"], [one["paths"] for one in plain["waste"]]) == (2, [[str(lone)]])
    assert not lone.exists()
    assert run(["clean"]) == 0
    assert "nothing can go now" in capsys.readouterr().out
