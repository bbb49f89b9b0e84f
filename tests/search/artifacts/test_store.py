from __future__ import annotations

import errno
import threading
import time
from pathlib import Path

import pytest

from mqn.errors import DeviceAwayError, DiskError, ProcessLostError, UnknownNameError
from mqn.search.artifacts import ArtifactStore, Slot, folder
from mqn.search.work.jobs import Job, Outcome, complete, perform


def publish(slot: Slot, text: str = "x") -> None:
    (slot.folder / "file").write_text(text)
    slot.publish(inputs={}, versions={}, seconds=0.0, details={})


def test_artifact_is_found_when_it_is_whole(tmp_path):
    store = ArtifactStore(tmp_path)
    with store.open("train", "k") as slot:
        assert slot.artifact is None
        publish(slot)
        assert slot.artifact is not None
    found = store.find("train", "k")
    assert found is not None
    assert (found.folder / "file").read_text() == "x"
    assert not store.partial("train", "k").exists()
    assert store.find("train", "other") is None


def test_half_written_is_not_taken_for_whole(tmp_path):
    store = ArtifactStore(tmp_path)
    with store.open("train", "k") as slot:
        (slot.folder / "file").write_text("half")
    assert store.find("train", "k") is None


def test_resumable_stage_finds_what_it_left(tmp_path):
    store = ArtifactStore(tmp_path)
    with store.open("train", "k", resumable=True) as slot:
        (slot.folder / "resume").write_text("epoch 3")
    with store.open("train", "k", resumable=True) as slot:
        assert (slot.folder / "resume").read_text() == "epoch 3"
    with store.open("train", "k") as slot:
        assert list(slot.folder.iterdir()) == []


@pytest.mark.parametrize("damage", ["change", "remove", "manifest"])
def test_damaged_artifact_is_made_again(damage, tmp_path):
    store = ArtifactStore(tmp_path)
    with store.open("train", "k") as slot:
        publish(slot)
    file = store.path("train", "k") / ("manifest.json" if damage == "manifest" else "file")
    if damage == "remove":
        file.unlink()
    else:
        file.write_text("{")
    assert store.find("train", "k") is None
    with store.open("train", "k") as slot:
        publish(slot, "again")
    found = store.find("train", "k")
    assert found is not None
    assert (found.folder / "file").read_text() == "again"


def test_second_worker_waits_and_finds(tmp_path):
    store, seen = ArtifactStore(tmp_path), []

    def second() -> None:
        with ArtifactStore(tmp_path).open("train", "k") as slot:
            seen.append(slot.artifact is not None)

    with store.open("train", "k") as slot:
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.2)
        assert seen == []
        publish(slot)
    thread.join()
    assert seen == [True]


def fail(folder: Path) -> dict[str, str]:
    raise DeviceAwayError("device 'board' cannot be reached")


def crash(folder: Path) -> dict[str, str]:
    raise ZeroDivisionError


def test_failure_by_name_comes_back_as_itself(tmp_path):
    outcome = perform(ArtifactStore(tmp_path), Job(stage="measure", key="k", inputs={}, function=fail))
    assert isinstance(outcome.exception(), DeviceAwayError)
    assert str(outcome.exception()) == "device 'board' cannot be reached"


def test_failure_says_where_it_was_raised_first(tmp_path):
    outcome = perform(ArtifactStore(tmp_path), Job(stage="measure", key="k", inputs={}, function=fail))
    assert "in fail\n" in outcome.exception().__notes__[0]


def test_error_with_arguments_of_its_own_comes_back_too():
    original = UnknownNameError("study", "a", ["b"])
    error = Outcome(error=("UnknownNameError", str(original))).exception()
    assert isinstance(error, UnknownNameError)
    assert str(error) == str(original)


def test_programming_error_passes_through(tmp_path):
    with pytest.raises(ZeroDivisionError):
        perform(ArtifactStore(tmp_path), Job(stage="measure", key="k", inputs={}, function=crash))


def fill_the_disk(folder: Path) -> dict[str, str]:
    raise OSError(errno.ENOSPC, "No space left on device", str(folder))


def fail_to_save(folder: Path) -> dict[str, str]:
    raise RuntimeError("[enforce fail at inline_container.cc:664] . unexpected pos 64 vs 0")


@pytest.mark.parametrize("function", [fill_the_disk, fail_to_save])
def test_a_full_disk_comes_back_by_name(function, tmp_path):
    outcome = perform(ArtifactStore(tmp_path), Job(stage="train", key="k", inputs={}, function=function))
    assert isinstance(outcome.exception(), DiskError)


def test_a_disk_that_is_full_when_the_store_is_reached_comes_back_by_name(tmp_path, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", refuse)
    outcome = perform(ArtifactStore(tmp_path / "store"), Job(stage="train", key="k", inputs={}, function=crash))
    assert isinstance(outcome.exception(), DiskError)


@pytest.mark.parametrize(("kind", "tries"), [(ProcessLostError, 3), (DeviceAwayError, 1)])
def test_a_command_by_itself_tries_again_what_machinery_fails_at(kind, tries, tmp_path, monkeypatch):
    begun, slept = [], []

    def lose(folder: Path) -> dict[str, str]:
        begun.append(folder)
        raise kind("killed")

    monkeypatch.setattr("time.sleep", slept.append)
    with pytest.raises(kind, match="killed"):
        complete(ArtifactStore(tmp_path), Job(stage="convert", key="k", inputs={}, function=lose))
    assert (len(begun), slept) == (tries, [1.0, 3.0][: tries - 1])


def test_what_was_touched_is_hashed_once_and_then_trusted_again(tmp_path, monkeypatch):
    store = ArtifactStore(tmp_path)
    with store.open("train", "k") as slot:
        publish(slot)
    hashed = []
    whole = folder.file_hash
    monkeypatch.setattr(folder, "file_hash", lambda path: hashed.append(path.name) or whole(path))
    assert store.find("train", "k") is not None
    assert hashed == []  # It was hashed when it was published.
    path = store.path("train", "k") / "file"
    before = (store.path("train", "k") / "manifest.json").stat().st_mtime_ns
    time.sleep(0.02)  # Times of files have steps of some milliseconds.
    path.write_text("x")
    time.sleep(0.02)
    assert [store.find("train", "k") is not None for _ in range(2)] == [True, True]
    assert hashed == ["file"]
    assert (store.path("train", "k") / "manifest.json").stat().st_mtime_ns == before


def test_another_file_in_the_place_of_one_is_seen_whatever_its_date(tmp_path):
    store = ArtifactStore(tmp_path)
    other = tmp_path / "other"
    other.write_text("y")
    with store.open("train", "k") as slot:
        publish(slot)
    time.sleep(0.02)
    other.replace(store.path("train", "k") / "file")
    assert store.find("train", "k") is None
