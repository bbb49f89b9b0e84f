"""`mqn export-study`, `mqn import-study` and `mqn front A B` as a user types them."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from tests.support.shared_study import FOLDER, fill, shared_space

from mqn.cli.app import run
from mqn.profile import Profile
from mqn.search.artifacts import ArtifactStore
from mqn.search.study.about import About
from mqn.search.study.studies import create_study

pytestmark = pytest.mark.slow


@pytest.fixture
def study():
    """A study of 12 trials in this home, made from a file and on pictures of its own."""
    space = shared_space()
    about = About(
        space=space.definition,
        space_hash=space.hash,
        space_name="/home/alice/lab/my.toml",
        data="/home/alice/photos",
        data_hash="5" * 64,
    )
    made = create_study("shared", Profile().study_url, about)
    fill(made, ArtifactStore(Profile().artifacts), 12)
    return made


@pytest.fixture
def told(capsys):
    def command(*words, code=0):
        found = run(words)
        shown = capsys.readouterr()
        assert found == code, shown.err
        return shown.out if code == 0 else shown.err

    return command


def test_a_study_travels_and_says_what_did_not(study, told, tmp_path, monkeypatch):
    file = str(tmp_path / "shared.zip")
    assert f"import it with: mqn import-study {file}" in told("export-study", "shared", file)
    here = told("front", "shared", "--json")
    monkeypatch.setenv("MQN_HOME", str(tmp_path / "elsewhere"))
    lines = told("import-study", file).splitlines()
    assert lines[0].startswith("imported: shared, 14 trials, ")
    assert lines[1].startswith("its pictures, 'photos' (hash 555555555555), are not here")
    assert any(line.startswith("1 of its trials had not ended") for line in lines)
    space = tmp_path / "elsewhere" / "imported" / "shared.toml"
    assert f"resume it with: mqn search {space} --study shared --resume" in lines
    assert told("front", "shared", "--json") == here.replace(f"{FOLDER}/encoder.h5", "encoder.h5")
    assert "where its pictures were called 'photos'" in told(
        "select", "shared", "--by", "psnr_tm", "--no-register", "--output", str(tmp_path / "bundle"), code=1
    )


def test_pictures_that_are_others_are_refused_before_anything_is_written(study, told, tmp_path, monkeypatch):
    file = str(tmp_path / "shared.zip")
    plain = json.loads(told("export-study", "shared", file, "--artifacts", "none", "--json"))
    assert (plain["artifacts"], plain["missing"]) == (0, [])
    monkeypatch.setenv("MQN_HOME", str(tmp_path / "elsewhere"))
    (tmp_path / "empty").mkdir()
    assert "no HDR picture in" in told("import-study", file, "--data", str(tmp_path / "empty"), code=1)
    monkeypatch.setattr("mqn.data.location.locate", lambda _: SimpleNamespace(hash="9" * 64))
    refused = told("import-study", file, "--data", "others", code=1)
    assert "--data others has the hash 999999999999, and the study was scored on 555555555555: " in refused
    assert told("status", "shared", code=2).startswith("mqn: no study 'shared'")
    plain = json.loads(told("import-study", file, "--study", "other", "--json"))
    assert (plain["study"], plain["from"], plain["stored"]) == ("other", "shared", 12)
    assert plain["lacking"][1] == "it has no artifacts but curves: select finds no model"


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (("export-study", "none", "x.zip"), 2, "no study 'none'"),
        (("export-study", "shared", "x.tar"), 2, "give a name that ends so"),
        (("import-study", "x.zip"), 2, "cannot read x.zip"),
        (("import-study", "note.zip"), 1, "no zip file"),
        (("export-study", "shared", "note.zip"), 2, "is no exported study; give another file"),
        (("front", "shared", "shared"), 2, "name each once"),
        (("front", "shared", "--attainment"), 2, "several fronts need several studies"),
        (("front", "shared", "other", "--dashboard", "lab"), 2, "is for the page of one study"),
        (("front", "shared", "other"), 2, "no study 'other'"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(words, code, error, study, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "note.zip").write_text("a note")
    shown = told(*words, code=code)
    assert error in shown
    assert shown.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "note.zip"]
