"""Folders here and behind URLs, by one contract."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from mqn.data.storage.folders import LocalStorage, RemoteStorage, Storage, open_storage
from mqn.errors import DataError


@pytest.fixture(params=["path", "file://", "memory://"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    places: dict[str, Callable[[], str]] = {
        "path": lambda: str(tmp_path / "folder"),
        "file://": lambda: f"file://{tmp_path / 'folder'}",
        "memory://": lambda: f"memory://{uuid4()}/folder",
    }
    return open_storage(places[request.param]())


def test_what_is_written_is_read(storage: Storage) -> None:
    storage.write("b.bin", b"0123456789")
    storage.write("sub/a.bin", b"abc")

    assert list(storage.files()) == ["b.bin", "sub/a.bin"]
    assert storage.read("b.bin") == b"0123456789"
    assert storage.read("b.bin", 3, 5) == b"34"
    assert list(storage.read_many(["sub/a.bin", "b.bin"])) == [b"abc", b"0123456789"]
    assert storage.size("sub/a.bin") == 3
    assert storage.exists("sub/a.bin")
    assert not storage.exists("a.bin")
    with storage.as_local("sub/a.bin") as path:
        assert (path.name, path.read_bytes()) == ("a.bin", b"abc")


def test_a_file_appears_when_it_is_whole(storage: Storage) -> None:
    with pytest.raises(ZeroDivisionError), storage.writer("a.bin") as stream:  # noqa: PT012
        stream.write(b"half")
        raise ZeroDivisionError
    assert storage.files() == {}

    with storage.writer("a.bin") as stream:
        stream.write(b"whole")
    assert storage.read("a.bin") == b"whole"


def test_states_tell_a_changed_file(storage: Storage) -> None:
    storage.write("a.bin", b"one")
    before = storage.files()
    storage.write("a.bin", b"three")

    assert storage.files() != before


def test_what_is_not_there(storage: Storage) -> None:
    assert storage.files() == {}
    with pytest.raises(FileNotFoundError):
        storage.read("a.bin")
    with pytest.raises(FileNotFoundError), storage.as_local("a.bin") as path:
        path.read_bytes()
    storage.remove("a.bin")
    storage.remove()


def test_a_folder_goes_with_all_that_is_in_it(storage: Storage) -> None:
    storage.write("a.bin", b"1")
    storage.write("sub/b.bin", b"2")
    storage.remove("a.bin")
    assert list(storage.files()) == ["sub/b.bin"]
    storage.remove()
    assert storage.files() == {}


def test_places_are_told_apart(tmp_path: Path) -> None:
    assert isinstance(open_storage(tmp_path), LocalStorage)
    assert isinstance(open_storage(f"file://{tmp_path}"), LocalStorage)
    assert isinstance(open_storage("memory://x"), RemoteStorage)
    with pytest.raises(DataError, match="Protocol not known: nonsense; give a path of this machine"):
        open_storage("nonsense://x")


def test_a_name_that_looks_like_a_pattern_removes_nothing_else() -> None:
    root = f"memory://{uuid4()}"
    ours, theirs = open_storage(f"{root}/q*"), open_storage(f"{root}/queen")
    for storage in (ours, theirs):
        storage.write("a.bin", b"1")
        storage.write("b.bin", b"2")

    ours.remove("a.bin")
    assert (list(ours.files()), list(theirs.files())) == (["b.bin"], ["a.bin", "b.bin"])
    ours.remove()
    assert (list(ours.files()), list(theirs.files())) == ([], ["a.bin", "b.bin"])


def test_linked_folders_are_looked_into_once(tmp_path: Path) -> None:
    (tmp_path / "photos/real").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "photos/real/a.bin").write_bytes(b"1")
    (tmp_path / "elsewhere/b.bin").write_bytes(b"2")
    (tmp_path / "photos/linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "photos/real/round").symlink_to(tmp_path / "photos")

    assert list(open_storage(tmp_path / "photos").files()) == ["linked/b.bin", "real/a.bin"]


def test_a_folder_that_cannot_be_listed_does_not_look_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "closed").mkdir()
    scan = os.scandir

    def refuse(path: str | int) -> Iterator[os.DirEntry[str]]:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(PermissionError):
        open_storage(tmp_path).files()


def test_a_file_url_is_a_path_percent_decoded(tmp_path: Path) -> None:
    folder = tmp_path / "a b#c%"
    folder.mkdir()
    assert open_storage(folder.as_uri()).place == str(folder)
    assert open_storage(f"file://localhost{tmp_path}").place == str(tmp_path)
    for url in ("file://host/a", "file://", "file:///a?b", "file:///a#b"):
        with pytest.raises(DataError, match="is no path on this machine"):
            open_storage(url)


@pytest.mark.parametrize(
    ("url", "extra"), [("gs://a/b", "gcs"), ("gcs://a/b", "gcs"), ("az://a/b", "azure"), ("abfs://a@b/c", "azure")]
)
def test_a_url_without_its_library_names_what_to_install(url: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for library in ("gcsfs", "adlfs"):
        monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(DataError, match=rf"a library is missing; install mqn-platform\[{extra}\] on every machine$"):
        open_storage(url)
