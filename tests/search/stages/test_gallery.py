"""Trials' pictures as Optuna's own tools find them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from optuna.artifacts import FileSystemArtifactStore, download_artifact, get_all_artifact_meta
from tests.support.records import make_trial
from tests.support.search_fakes import grid_definition

from mqn.home import home
from mqn.profile import Profile, StorageProfile, TrackingProfile
from mqn.search.artifacts import Artifact, ArtifactStore
from mqn.search.removal.cleaning import find_waste, remove_waste
from mqn.search.removal.deletion import delete_study, plan_deletion
from mqn.search.space.space_file import parse_space
from mqn.search.stages.gallery import FOLDER, show_pictures
from mqn.search.study.study import Study

pytestmark = pytest.mark.slow


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(str(tmp_path / "artifacts"))


def scored(store: ArtifactStore, key: str, picture: bytes) -> Artifact:
    with store.open("score", key) as slot:
        (slot.folder / "strip.png").write_bytes(picture)
        return slot.publish(inputs={}, versions={}, seconds=1.0, details={})


@pytest.fixture
def made(make_study: Callable[..., Study], store: ArtifactStore) -> Callable[[str, bytes], Study]:
    """Makes a study of one trial with a picture."""

    def make(name: str, picture: bytes) -> Study:
        study = make_study(parse_space(grid_definition(sampler="random", points=[]), source="tiny.toml"), name)
        trial = study.ask()
        artifacts = {"score": scored(store, name, picture)}
        record = make_trial(
            study=name,
            candidate=study.space.candidate(trial.params),
            artifacts={"score": name},
            figures={"psnr_tm": 20.0, "latency_ms": 3.0},
        )
        study.note(trial, record, show_pictures(artifacts))
        study.finish(trial, record)
        return study

    return make


def test_optuna_finds_the_pictures_of_a_trial(made, tmp_path):
    (trial,) = made("mine", b"picture").optuna.get_trials()
    (shown,) = get_all_artifact_meta(trial, storage=made("other", b"another").store.storage)
    assert (shown.filename, shown.mimetype) == ("score.png", "image/png")
    target = tmp_path / "downloaded.png"
    pictures = FileSystemArtifactStore(home() / FOLDER)
    download_artifact(artifact_store=pictures, file_path=str(target), artifact_id=shown.artifact_id)
    assert target.read_bytes() == b"picture"


def test_every_score_of_a_trial_is_shown_but_none_of_its_gate(store):
    score = scored(store, "one", b"picture")
    assert len(show_pictures({"score": score, "score/float": scored(store, "two", b"float")})) == 2
    assert show_pictures({"gate/score": score, "train": score}) == {}


def test_a_file_system_without_links_has_a_copy(store, monkeypatch):
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr("os.link", refuse)
    (name,) = show_pictures({"score": scored(store, "one", b"picture")})
    assert (home() / FOLDER / name.removeprefix("artifacts:")).read_bytes() == b"picture"


def test_pictures_go_with_the_last_study_that_shows_them(made, tmp_path):
    storage = StorageProfile(study=f"sqlite:///{tmp_path / 'study.db'}", artifacts=str(tmp_path / "artifacts"))
    profile = Profile(storage=storage, tracking=TrackingProfile(uri=""))
    for name, picture in (("mine", b"mine"), ("first", b"shared"), ("second", b"shared")):
        made(name, picture)
    assert len(list((home() / FOLDER).iterdir())) == 2
    delete_study(plan_deletion("mine", profile), profile)
    delete_study(plan_deletion("first", profile), profile)
    (left,) = (home() / FOLDER).iterdir()
    assert left.read_bytes() == b"shared"
    assert find_waste([profile]) == []

    lone = home() / FOLDER / "0123"
    lone.write_bytes(b"12345")
    (waste,) = find_waste([profile])
    assert (waste.kind, waste.paths, waste.size_bytes) == ("pictures of trials that are gone", (str(lone),), 5)
    assert remove_waste([waste], [profile]) == 5
    assert list((home() / FOLDER).iterdir()) == [left]
