"""Files on a device, kept by hash."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from mqn.device.backends.shell.device_cache import DeviceCache
from mqn.device.backends.shell.loopback import HereShell


class _Counting(HereShell):
    pushes = 0

    def push(self, source: Path, target: str, switch: object = None) -> None:
        self.pushes += 1
        super().push(source, target)


@pytest.fixture
def shell(tmp_path: Path) -> _Counting:
    return _Counting(tmp_path / "a home", tmp_path)


def _file(folder: Path, content: bytes) -> tuple[str, Path]:
    sha256 = hashlib.sha256(content).hexdigest()
    path = folder / sha256[:8]
    path.write_bytes(content)
    return sha256, path


def test_file_travels_once(shell: _Counting, tmp_path: Path) -> None:
    cache = DeviceCache(shell)
    files = dict([_file(tmp_path, b"one"), _file(tmp_path, b"two")])
    cache.provide(files)
    cache.provide(files)
    assert shell.pushes == 2
    kept = {path.name: path.read_bytes() for path in (tmp_path / "a home" / "cache").iterdir()}
    assert kept == {sha256: path.read_bytes() for sha256, path in files.items()}


def test_file_that_was_changed_there_is_replaced(shell: _Counting, tmp_path: Path) -> None:
    cache = DeviceCache(shell)
    sha256, path = _file(tmp_path, b"honest")
    cache.provide({sha256: path})
    (tmp_path / "a home" / "cache" / sha256).write_bytes(b"forged")
    cache.provide({sha256: path})
    assert (tmp_path / "a home" / "cache" / sha256).read_bytes() == b"honest"


def test_oldest_files_make_room_and_needed_ones_stay(shell: _Counting, tmp_path: Path) -> None:
    cache = DeviceCache(shell, limit_bytes=250)
    old, kept, new = (_file(tmp_path, bytes([number]) * 100) for number in range(3))
    cache.provide(dict([old]))
    cache.provide(dict([kept]))
    cache.provide(dict([kept, new]))
    assert {path.name for path in (tmp_path / "a home" / "cache").iterdir()} == {kept[0], new[0]}


def test_folder_that_could_not_be_removed_is_removed_later(shell: _Counting, tmp_path: Path) -> None:
    cache = DeviceCache(shell)
    cache.open_folder()
    first = next((tmp_path / "a home").glob("pass-*"))
    cache.open_folder()
    assert not first.exists()
    assert len(list((tmp_path / "a home").glob("pass-*"))) == 1
