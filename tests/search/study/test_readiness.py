from __future__ import annotations

import threading

from mqn.profile import Profile, StorageProfile
from mqn.search.artifacts import ArtifactStore
from mqn.search.study import readiness
from mqn.search.study.readiness import reach_store


def test_a_store_that_takes_long_to_answer_is_named_meanwhile(tmp_path, monkeypatch):
    said: list[str] = []
    told = threading.Event()

    def tell(line: str) -> None:
        said.append(line)
        told.set()

    monkeypatch.setattr(readiness, "_SLOW_SECONDS", 0.0)
    monkeypatch.setattr(ArtifactStore, "identify", lambda _: told.wait(10))
    reach_store(Profile(storage=StorageProfile(artifacts=str(tmp_path / "artifacts"))), tell)
    assert said == [f"waiting for the artifacts at {tmp_path / 'artifacts'}"]


def test_a_store_that_answers_is_not_mentioned(tmp_path):
    said: list[str] = []
    store = reach_store(Profile(storage=StorageProfile(artifacts=str(tmp_path / "artifacts"))), said.append)
    assert store.shown == str(tmp_path / "artifacts")
    assert said == []
