"""What a store does, in a folder and behind a URL alike."""

from __future__ import annotations

import contextlib
import hashlib
import pickle
import threading
import time
from pathlib import Path

import pytest
from tests.search.artifacts.conftest import MakeStore

from mqn.errors import StudyError
from mqn.search.artifacts import Artifact, ArtifactStore, Slot, resolve
from mqn.search.artifacts.remote import RemotePlace


def publish(slot: Slot, text: str = "x", **more: str) -> Artifact:
    for name, content in {"file": text, **more}.items():
        (slot.folder / name).write_text(content)
    return slot.publish(inputs={}, versions={}, seconds=0.0, details={"text": text})


def make(store: ArtifactStore, key: str = "k", text: str = "x", **more: str) -> Artifact:
    with store.open("train", key) as slot:
        return publish(slot, text, **more)


def test_what_is_published_on_one_machine_is_found_on_another(make_store: MakeStore) -> None:
    make(make_store("here"), text="one", other="two")
    found = make_store("there").get("train", "k")
    assert found.path("file").read_text() == "one"
    assert sorted(path.name for path in found.whole().iterdir() if path.name[0] != ".") == [
        "file",
        "manifest.json",
        "other",
    ]
    assert found.size_bytes("file") == 3
    assert make_store("there").find("train", "other") is None


def test_what_was_cut_short_does_not_count(make_store: MakeStore) -> None:
    store = make_store()
    with contextlib.suppress(KeyboardInterrupt), store.open("train", "k") as slot:
        (slot.folder / "file").write_text("half")
        raise KeyboardInterrupt
    assert store.find("train", "k") is None
    assert store.keys() == []
    with store.open("train", "k") as slot:
        assert list(slot.folder.iterdir()) == []


def test_many_are_looked_up_at_once(store: ArtifactStore) -> None:
    made = {("train", key): make(store, key, key) for key in "abc"}
    found = store.find_many([*made, ("train", "absent")])
    assert {key: one.manifest for key, one in found.items()} == {key: one.manifest for key, one in made.items()}
    assert store.find_whole(made).keys() == made.keys()
    assert [path.read_text() for path in store.paths(found.values(), "file")] == ["a", "b", "c"]
    assert store.find_steps({"train": "b", "train/again": "c", "score": "a"}).keys() == {"train", "train/again"}


def test_a_missing_artifact_is_a_line_that_says_what_to_do(store: ArtifactStore) -> None:
    with pytest.raises(StudyError, match=r"/train/k is missing or damaged; resume its study to make it again"):
        store.get("train", "k")


def test_one_that_is_too_old_is_replaced_and_stays_until_then(make_store: MakeStore) -> None:
    here, there = make_store("here"), make_store("there")
    make(here, text="old")
    old = there.get("train", "k")
    with here.open("train", "k", serves=lambda one: one.manifest.details["text"] != "old") as slot:
        assert slot.artifact is None
        assert there.get("train", "k").manifest.details == {"text": "old"}
        publish(slot, "new")
    assert there.get("train", "k").path("file").read_text() == "new"
    if here.remote:  # Who has found the old one reads the old one.
        assert old.path("file").read_text() == "old"


@pytest.mark.parametrize("before", ["", "old"])
def test_whoever_publishes_late_changes_nothing(make_store: MakeStore, before: str) -> None:
    """Such as a worker whose driver has lost its lease, while another one's worker did the same job."""
    late, other = make_store("late"), make_store("other")
    if not late.remote:
        pytest.skip("a folder's lock lets the second wait")
    if before:
        make(other, text=before)

    def serves(one: Artifact) -> bool:
        return one.manifest.details["text"] != before

    with late.open("train", "k", serves=serves) as slot:
        with other.open("train", "k", serves=serves) as faster:
            first = publish(faster, "first")
        assert publish(slot, "late").manifest == first.manifest
    found = make_store("third").get("train", "k")
    assert found.manifest == first.manifest
    assert found.path("file").read_text() == "first"


def test_an_artifact_that_serves_is_not_made_again(store: ArtifactStore) -> None:
    make(store)
    with store.open("train", "k") as slot:
        assert slot.artifact is not None


def test_two_makers_of_one_key_come_to_one_whole_artifact(make_store: MakeStore) -> None:
    if not make_store().remote:
        pytest.skip("a folder's lock lets the second wait")
    entered = [threading.Event(), threading.Event()]
    results: dict[str, Artifact] = {}

    def work(machine: str, mine: int) -> None:
        with make_store(machine).open("train", "k") as slot:
            entered[mine].set()
            entered[1 - mine].wait(5)
            results[machine] = publish(slot, machine, other=machine)

    threads = [threading.Thread(target=work, args=given) for given in (("here", 0), ("there", 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = {one.manifest.details["text"] for one in results.values()}
    found = make_store("third").get("train", "k")
    assert {found.path(name).read_text() for name in ("file", "other")} == {winner}
    assert [entry.kind for entry in make_store().entries()] == ["left", "left", "whole"] or [
        entry.kind for entry in make_store().entries()
    ] == ["whole", "left", "left"]


def test_a_worker_on_another_machine_finds_the_files_of_its_arguments(make_store: MakeStore) -> None:
    made = make(make_store("here"), text="one", other="two")
    job = pickle.loads(pickle.dumps({"file": made.file("file"), "none": None}))
    store = pickle.loads(pickle.dumps(make_store("there")))
    for _ in range(2):
        path = resolve(job, store)["file"]
        assert path.read_text() == "one"
        assert (path.parent / "other").read_text() == "two"


def test_what_lies_there_is_listed_and_removed(make_store: MakeStore) -> None:
    store = make_store()
    make(store, text="12345")
    with contextlib.suppress(KeyboardInterrupt), store.open("train", "cut", resumable=True) as slot:
        (slot.folder / "resume.pt").write_text("123")
        raise KeyboardInterrupt
    found = {entry.kind: entry for entry in store.entries()}
    assert {kind: entry.id for kind, entry in found.items()} == {"whole": ("train", "k"), "partial": ("train", "cut")}
    assert found["whole"].size_bytes >= 5
    assert store.entries("score") == []
    assert [store.remove(entry) for entry in found.values()] == [True, True]
    assert store.entries() == []
    assert make_store("there").find("train", "k") is None
    assert store.remove(found["whole"]) is False


def test_a_training_goes_on_on_another_machine(make_store: MakeStore) -> None:
    with contextlib.suppress(KeyboardInterrupt), make_store("here").open("train", "k", resumable=True) as slot:
        (slot.folder / "resume.pt").write_text("epoch 3")
        (slot.folder / ".resume.pt.new").write_text("half")
        raise KeyboardInterrupt
    with make_store("there").open("train", "k", resumable=True) as slot:
        assert (slot.folder / "resume.pt").read_text() == "epoch 3"
        (slot.folder / "resume.pt").unlink()
        publish(slot)
    assert [(entry.kind, entry.key) for entry in make_store().entries()] == [("whole", "k")]


def test_the_log_of_a_failed_try_is_kept_for_whoever_asks(make_store: MakeStore) -> None:
    here, there = make_store("here"), make_store("there")
    with contextlib.suppress(KeyboardInterrupt), here.open("train", "k") as slot:
        (slot.folder / "log.txt").write_text("no memory\n")
        raise KeyboardInterrupt
    assert there.log("train", "k") == b"no memory\n"
    with there.open("train", "k") as slot:
        log = slot.folder / "log.txt"
        assert log.read_text() == "no memory\n"
        log.write_text(log.read_text() + "done\n")
        publish(slot)
    assert here.log("train", "k") == b"no memory\ndone\n"
    assert here.log("train", "other") is None
    assert [entry.kind for entry in here.entries()] == ["whole"]


def test_databases_are_noted_without_passwords(make_store: MakeStore) -> None:
    make_store("here").note_database("postgresql://me:marked@db/studies")
    make_store("there").note_database("sqlite:///a.db")
    make_store("there").note_database("sqlite:///a.db")
    assert make_store("here").databases() == ["postgresql://me:***@db/studies", "sqlite:///a.db"]


def test_a_store_is_told_from_every_other(
    make_store: MakeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mqn.search.artifacts.store._seen", set())
    store = make_store("here")
    store.identify()
    store.check_writing()
    there = pickle.loads(pickle.dumps(store))
    there.check_seen()
    assert store.keys() == []
    other = ArtifactStore(tmp_path / "other")
    other.__setstate__((str(tmp_path / "other"), *store.__getstate__()[1:]))
    with pytest.raises(Exception, match=r"node .* sees no artifacts of the study at .*/other"):
        other.check_seen()


@pytest.mark.slow
def test_a_training_whose_machine_is_lost_goes_on_elsewhere(make_store: MakeStore) -> None:
    here, there = make_store("here", keep_seconds=0.0), make_store("there")
    if not here.remote:
        pytest.skip("a folder is on all machines")
    lost = here.open("train", "k", resumable=True)
    slot = lost.__enter__()
    for epoch in ("epoch 1", "epoch 2"):
        new = slot.folder / ".resume.pt.new"
        new.write_text(epoch)
        new.replace(slot.folder / "resume.pt")
        (slot.folder / "history.json").write_text(epoch)
        wait_for(there, epoch)
    with there.open("train", "k", resumable=True) as second:
        assert {path.name: path.read_text() for path in second.folder.iterdir()} == {
            "resume.pt": "epoch 2",
            "history.json": "epoch 2",
        }
        publish(second, "there")
    lost.__exit__(None, None, None)
    assert there.get("train", "k").path("file").read_text() == "there"
    assert [entry.kind for entry in there.entries()] == ["whole"]


def wait_for(store: ArtifactStore, text: str) -> None:
    """Wait until another machine would go on from there."""
    end = time.monotonic() + 20
    while True:
        place = store.place
        assert isinstance(place, RemotePlace)
        state = place.progress("train", "k").read()
        if set(state.files) == {"resume.pt", "history.json"} and state.files["resume.pt"] == sha256(text):
            return
        assert time.monotonic() < end
        time.sleep(0.05)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
