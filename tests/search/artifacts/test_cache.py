from __future__ import annotations

import os
import time
from pathlib import Path

import filelock
import pytest

from mqn.parsing import file_hash
from mqn.search.artifacts import cache as module
from mqn.search.artifacts.cache import Cache


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(b"1" * 400)
    return path


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    """Room for two files of 400 bytes, and no grace."""
    monkeypatch.setattr(module, "GRACE_SECONDS", 0.0)
    return Cache(tmp_path / "cache", 1000 / module.GB)


def fetch(cache: Cache, name: str, source: Path, ages: dict[str, float] | None = None) -> Path:
    folder = cache.folder / "train" / name / "g"

    def get(path: Path) -> bool:
        path.write_bytes(source.read_bytes())
        return True

    path = cache.file(folder, "file", file_hash(source), 400, get)
    for other, age in (ages or {}).items():
        then = time.time() - age
        os.utime(cache.folder / "train" / other / "g" / module.USE, (then, then))
    return path


def test_what_was_used_longest_ago_goes_first(cache: Cache, source: Path) -> None:
    fetch(cache, "a", source)
    fetch(cache, "b", source, {"a": 100, "b": 200})
    fetch(cache, "a", source)  # Used again.
    fetch(cache, "c", source)
    assert sorted(path.parent.name for path in cache.generations()) == ["a", "c"]


def test_nothing_goes_that_a_job_uses(cache: Cache, source: Path) -> None:
    other = Cache(cache.folder, 1000 / module.GB)
    with cache.held():
        first = fetch(cache, "a", source)
        fetch(other, "b", source, {"a": 300, "b": 200})
        fetch(other, "c", source)
        assert first.is_file()
        assert sorted(path.parent.name for path in cache.generations()) == ["a", "c"]
    fetch(other, "b", source)
    assert not first.exists()


def test_what_was_used_a_moment_ago_stays(cache: Cache, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GRACE_SECONDS", 600.0)
    for name in "abc":
        fetch(cache, name, source, {name: 10})
    assert len(cache.generations()) == 3


def test_a_file_that_was_cut_short_is_fetched_again(cache: Cache, source: Path) -> None:
    path = fetch(cache, "a", source)
    path.write_bytes(b"1")
    assert fetch(cache, "a", source).stat().st_size == 400


def test_work_that_was_abandoned_on_this_machine_goes_and_what_is_worked_on_stays(cache: Cache, source: Path) -> None:
    long_ago = time.time() - module.ABANDONED_SECONDS - 10
    for name, then in {"old": long_ago, "held": long_ago, "new": time.time()}.items():
        folder = cache.folder / "train" / f"{name}.partial"
        folder.mkdir(parents=True)
        (folder / "resume.pt").touch()
        os.utime(folder / "resume.pt", (then, then))
        os.utime(folder, (then, then))
    with filelock.FileLock(cache.folder / "train" / "held.lock"):
        fetch(cache, "a", source)
    assert sorted(path.name for path in cache.folder.glob("train/*.partial")) == ["held.partial", "new.partial"]
