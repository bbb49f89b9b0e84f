from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest

from mqn.device.agent.queue.refusals import FullDiskError, TooLargeError, WrongHashError
from mqn.device.agent.queue.store import Store


async def stream(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def put(store: Store, *chunks: bytes, name: str | None = None, limit: int = 1000, expected: int = 0) -> str:
    name = name or hashlib.sha256(b"".join(chunks)).hexdigest()
    asyncio.run(store.receive(name, stream(chunks), limit, expected))
    return name


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def age(folder: Path, name: str, seconds: float) -> None:
    path = folder / f"{name}.tflite"
    os.utime(path, (path.stat().st_mtime - seconds,) * 2)


def test_what_was_put_can_be_lent(store: Store, tmp_path: Path) -> None:
    name = put(store, b"ab", b"cd")
    assert store.has(name)
    assert store.lend(name, tmp_path / "lent")
    assert (tmp_path / "lent").read_bytes() == b"abcd"
    assert store.size() == (1, 4)


def test_what_is_not_there_is_not_lent(store: Store, tmp_path: Path) -> None:
    assert not store.has("0" * 64)
    assert not store.lend("0" * 64, tmp_path / "lent")
    assert not (tmp_path / "lent").exists()


def test_wrong_bytes_leave_nothing(store: Store, tmp_path: Path) -> None:
    with pytest.raises(WrongHashError):
        put(store, b"abcd", name="0" * 64)
    assert names(tmp_path / "models") == set()


def test_too_many_bytes_leave_nothing_and_are_not_read_on(store: Store, tmp_path: Path) -> None:
    def endless() -> Iterable[bytes]:
        while True:
            yield b"x" * 400

    with pytest.raises(TooLargeError):
        asyncio.run(store.receive("0" * 64, stream(endless()), 1000))
    assert names(tmp_path / "models") == set()


def test_an_upload_that_breaks_off_leaves_nothing_and_so_does_a_killed_agent(store: Store, tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        asyncio.run(store.receive("0" * 64, broken(), 1000))
    assert names(tmp_path / "models") == set()
    (tmp_path / "models" / ".incoming-x").write_bytes(b"half")
    Store(tmp_path / "models")
    assert names(tmp_path / "models") == set()


def test_the_longest_unused_goes_first(tmp_path: Path) -> None:
    store = Store(tmp_path / "models", quota_bytes=250)
    old, used = put(store, b"a" * 100), put(store, b"b" * 100)
    for seconds, name in ((100, used), (50, old)):
        age(tmp_path / "models", name, seconds)
    assert store.has(used)  # which makes it the latest used
    new = put(store, b"c" * 100)
    assert [store.has(name) for name in (old, used, new)] == [False, True, True]


def test_what_is_lent_outlives_its_model(tmp_path: Path) -> None:
    store = Store(tmp_path / "models", quota_bytes=100)
    first = put(store, b"a" * 100)
    store.lend(first, tmp_path / "lent")
    age(tmp_path / "models", first, 10)
    put(store, b"b" * 100)
    assert not store.has(first)
    assert (tmp_path / "lent").read_bytes() == b"a" * 100


def test_the_newest_stays_whatever_the_quota(tmp_path: Path) -> None:
    store = Store(tmp_path / "models", quota_bytes=10)
    assert store.has(put(store, b"a" * 100))


def test_a_full_disk_is_told_and_leaves_nothing(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(FullDiskError, match="no room for a model"):
        put(store, b"abcd")
    assert names(tmp_path / "models") == set()


def test_models_make_room_for_others_on_a_disk_that_is_nearly_full(tmp_path, store, monkeypatch) -> None:
    old, used = put(store, b"a" * 100), put(store, b"b" * 100)
    age(tmp_path / "models", old, 100)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=4_000_000))
    new = put(store, b"c" * 100, expected=100)
    assert [store.has(name) for name in (old, used, new)] == [False, True, True]
