"""What goes with a study, what stays, and what can go at all."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

import filelock
import fsspec
import pytest
from tests.support.records import make_trial
from tests.support.search_fakes import grid_definition

from mqn.errors import StudyBusyError, UnknownNameError
from mqn.home import home
from mqn.profile import Profile, StorageProfile, TrackingProfile
from mqn.search.artifacts import ArtifactStore
from mqn.search.removal.cleaning import find_waste, parts, remove_waste
from mqn.search.removal.deletion import delete_study, plan_deletion
from mqn.search.removal.references import other_databases, references
from mqn.search.space.space_file import parse_space
from mqn.search.storage.lease import Lease
from mqn.search.study.studies import list_studies
from mqn.search.study.study import Study

DEFINITION = grid_definition(sampler="random", points=[])


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    storage = StorageProfile(study=f"sqlite:///{tmp_path / 'study.db'}", artifacts=str(tmp_path / "artifacts"))
    return Profile(storage=storage, tracking=TrackingProfile(uri=""))


@pytest.fixture
def store(profile: Profile) -> ArtifactStore:
    """Holds what two studies share, what each has for itself, and what nobody refers to."""
    store = ArtifactStore(profile.artifacts)
    for stage, key in [("train", "both"), ("score", "mine"), ("score", "other"), ("score", "lone")]:
        with store.open(stage, key) as slot:
            (slot.folder / "file").write_text("12345")
            slot.publish(inputs={}, versions={}, seconds=1.0, details={})
    return store


@pytest.fixture
def studies(store: ArtifactStore, make_study: Callable[..., Study]) -> dict[str, Study]:
    def made(name: str, artifacts: dict[str, str]) -> Study:
        study = make_study(parse_space(DEFINITION, source="tiny.toml"), name)
        trial = study.ask()
        record = make_trial(
            study=name,
            candidate=study.space.candidate(trial.params),
            artifacts=artifacts,
            figures={"psnr_tm": 20.0, "latency_ms": 3.0},
        )
        study.note(trial, record)
        study.finish(trial, record)
        return study

    return {
        "mine": made("mine", {"train": "both", "score/float": "mine"}),
        "other": made("other", {"train": "both", "score": "other"}),
    }


def held(study: Study) -> Lease:
    """A lease on a study, by this process, which lives."""
    lease = Lease(study.store.database, study.name, study.store.patience)
    lease.take()
    return lease


@pytest.mark.slow
def test_a_study_goes_with_the_artifacts_that_it_alone_refers_to(studies, store, profile):
    deletion = plan_deletion("mine", profile)
    assert (deletion.trials, [one.id for one in deletion.artifacts], deletion.stays) == (1, [("score", "mine")], "")
    assert deletion.size_bytes > 5
    done: list[int] = []
    delete_study(deletion, profile, done.append)
    assert done == [1]
    assert list(list_studies(profile.study_url)) == ["other"]
    assert store.keys() == [("score", "lone"), ("score", "other"), ("train", "both")]


@pytest.mark.slow
def test_a_new_study_of_the_same_name_begins_anew(studies, profile, make_study):
    delete_study(plan_deletion("mine", profile), profile)
    again = make_study(parse_space(DEFINITION, source="tiny.toml"), "mine")
    assert again.begun() == 0


@pytest.mark.slow
def test_what_is_driven_is_not_deleted(studies, store, profile):
    deletion = plan_deletion("mine", profile)
    lease = held(studies["mine"])
    for refused in (lambda: plan_deletion("mine", profile), lambda: delete_study(deletion, profile)):
        with pytest.raises(StudyBusyError, match=f"'mine' is driven by process {os.getpid()} on .*; stop it first"):
            refused()
    lease.give_back()
    assert len(list_studies(profile.study_url)) == 2
    assert len(store.keys()) == 4


@pytest.mark.slow
def test_artifacts_stay_while_another_study_may_be_about_to_take_them(studies, store, profile):
    lease = held(studies["other"])
    deletion = plan_deletion("mine", profile)
    assert deletion.artifacts == ()
    assert "study 'other' is driven by" in deletion.stays
    delete_study(deletion, profile)
    lease.give_back()
    assert list(list_studies(profile.study_url)) == ["other"]
    assert len(store.keys()) == 4


@pytest.mark.slow
def test_artifacts_stay_that_another_database_may_refer_to(studies, store, profile, tmp_path):
    elsewhere = tmp_path / "elsewhere.db"
    store.note_database(profile.study_url)
    store.note_database(f"sqlite:///{elsewhere}")
    store.note_database(f"sqlite:///{elsewhere}")
    assert other_databases(store, [profile.study_url]) == []  # It is gone.
    elsewhere.touch()
    assert other_databases(store, [profile.study_url]) == [f"sqlite:///{elsewhere}"]
    assert plan_deletion("mine", profile).stays == f"studies in sqlite:///{elsewhere} may refer to them"
    assert all("give their profile too" in one.stays for one in find_waste([profile]))


def test_a_password_is_not_written_beside_the_artifacts(store):
    store.note_database("postgresql://me:hunter2@db/studies")
    assert "hunter2" not in "".join(store.databases())
    assert len(other_databases(store, ["postgresql://me:hunter2@db/studies"])) == 0


@pytest.mark.slow
def test_an_unknown_study_is_named(studies, profile):
    with pytest.raises(UnknownNameError, match="did you mean 'mine'"):
        plan_deletion("min", profile)


@pytest.mark.slow
def test_only_what_no_study_refers_to_can_go(studies, store, profile):
    (waste,) = find_waste([profile])
    assert waste.kind == "artifacts that no study refers to"
    assert waste.paths == (str(store.path("score", "lone")),)
    assert remove_waste([waste], [profile]) == waste.size_bytes > 5
    assert store.keys() == [("score", "mine"), ("score", "other"), ("train", "both")]
    assert find_waste([profile]) == []


def test_an_artifact_that_a_space_names_as_its_checkpoint_stays(store, profile, make_study):
    study = make_study(parse_space(DEFINITION, source="tiny.toml"), "taken")
    about = dataclasses.asdict(study.about)
    about["checkpoint"] = str(store.path("train", "both") / "checkpoint.pt")
    study.optuna.set_user_attr("mqn", about)
    assert ("train", "both") in references(study.store)["taken"]
    (waste,) = find_waste([profile])
    assert str(store.path("train", "both")) not in waste.paths


@pytest.mark.slow
def test_what_an_imported_study_came_with_stays_until_it_is_deleted(studies, store, profile):
    with store.open("history", "both") as slot:
        (slot.folder / "history.json").write_text("[]")
        slot.publish(inputs={}, versions={}, seconds=1.0, details={})
    (home() / "imported").mkdir()
    for name in ("mine.toml", "other.toml"):
        (home() / "imported" / name).touch()
    (waste,) = find_waste([profile])
    assert waste.paths == (str(store.path("score", "lone")),)
    delete_study(plan_deletion("mine", profile), profile)
    assert [path.name for path in (home() / "imported").iterdir()] == ["other.toml"]
    assert ("history", "both") in store.keys()  # noqa: SIM118 - no mapping


@pytest.mark.slow
def test_what_was_cut_short_goes_where_no_trial_can_go_on_from_it(studies, store, profile):
    store.partial("train", "cut").mkdir(parents=True)
    store.path("train", ".both.former-1").mkdir()
    lone, cut = find_waste([profile])
    assert (lone.kind, cut.kind) == ("artifacts that no study refers to", "work that was cut short")
    assert (len(cut.paths), cut.stays) == (2, "")
    remove_waste([cut], [profile])
    assert store.partials() == []


@pytest.mark.slow
def test_what_was_made_since_an_unfinished_trial_began_may_be_its_own(studies, store, profile):
    os.utime(store.path("score", "lone"), (1e9, 1e9))
    studies["other"].ask()  # Left by its driver.
    with store.open("score", "new") as slot:
        slot.publish(inputs={}, versions={}, seconds=1.0, details={})
    store.partial("train", "cut").mkdir(parents=True)
    old, new, cut = find_waste([profile])
    assert (old.paths, old.stays) == ((str(store.path("score", "lone")),), "")
    assert new.paths == (str(store.path("score", "new")),)
    assert new.stays == cut.stays == "a trial that was begun may go on from them"
    remove_waste([old, new, cut], [profile])
    assert (("score", "lone") in store.keys(), store.partials()) == (False, [("train", "cut")])  # noqa: SIM118


@pytest.mark.slow
def test_a_partial_goes_and_the_artifact_of_its_key_stays(studies, store, profile):
    store.partial("train", "both").mkdir()
    remove_waste(find_waste([profile]), [profile])
    assert store.partials() == []
    assert store.find("train", "both") is not None


@pytest.mark.slow
def test_what_another_process_holds_stays(studies, store, profile):
    with filelock.FileLock(store.path("score", "lone.lock")):
        assert remove_waste(find_waste([profile]), [profile]) == 0
    assert ("score", "lone") in store.keys()  # noqa: SIM118 - no mapping


@pytest.mark.slow
def test_nothing_goes_while_a_driver_is_at_work(studies, store, profile):
    (home() / "cache" / "weights").mkdir(parents=True)
    before = find_waste([profile])
    lease = held(studies["other"])
    assert all("is driven by" in one.stays for one in find_waste([profile]))
    assert remove_waste(before, [profile]) == 0  # It began after they looked.
    lease.give_back()
    assert remove_waste(before, [profile]) > 0
    assert not (home() / "cache").exists()


def test_a_cache_that_is_being_filled_stays(profile):
    weights = home() / "cache" / "weights"
    weights.mkdir(parents=True)
    (weights / "vgg16.h5.part").write_bytes(b"x" * 10)
    (waste,) = find_waste([profile])
    with filelock.FileLock(weights / ".vgg16.h5.lock"):
        assert remove_waste([waste], [profile]) == 0
    assert remove_waste([waste], [profile]) == 10
    assert not weights.exists()


def test_parts_are_told_the_largest_first():
    (home() / "cache").mkdir()
    (home() / "cache" / "weights.h5").write_bytes(b"x" * 100)
    (home() / "study.db").write_bytes(b"x" * 10)
    assert [(part.name, part.size_bytes) for part in parts()] == [("cache", 100), ("study.db", 10)]
    assert parts()[1].holds == "studies and their trials"


def test_without_a_database_nothing_is_made(profile, tmp_path):
    assert find_waste([profile]) == []
    assert not (tmp_path / "study.db").exists()


@pytest.mark.slow
def test_what_no_study_refers_to_goes_behind_a_url_too(tmp_path, make_study):
    storage = StorageProfile(
        study=f"sqlite:///{tmp_path / 'study.db'}",
        artifacts=f"memory://{tmp_path.name}/lab",
        cache=str(tmp_path / "cache"),
    )
    profile = Profile(storage=storage, tracking=TrackingProfile(uri=""))
    store = ArtifactStore.of(storage)
    for key in ("lone", "cut"):
        with contextlib.suppress(KeyboardInterrupt), store.open("train", key, resumable=True) as slot:
            (slot.folder / "file").write_text("12345")
            if key == "cut":
                raise KeyboardInterrupt
            slot.publish(inputs={}, versions={}, seconds=1.0, details={})
    fsspec.filesystem("memory").pipe_file(f"/{tmp_path.name}/lab/train/half/1234.file", b"123")
    kinds = {one.kind: one for one in find_waste([profile]) if one.store}
    assert {kind: len(one.paths) for kind, one in kinds.items()} == {
        "artifacts that no study refers to": 1,
        "work that was cut short": 2,
    }
    assert kinds["artifacts that no study refers to"].paths == (f"{storage.artifacts}/train/lone",)
    assert remove_waste(list(kinds.values()), [profile]) > 10
    assert store.entries() == []
