"""Publishing: everything is on the disk before a name says so, and what was there stays until then."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from mqn.errors import DiskError
from mqn.files import publishing
from mqn.files.publishing import publish_file, publish_folder, writing
from mqn.parsing import write_json


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What is synced and renamed, in order, by the names of files."""
    seen: list[tuple[str, str]] = []

    def sync(descriptor: int) -> None:
        seen.append(("sync", Path(f"/proc/self/fd/{descriptor}").readlink().name))

    for method in ("rename", "replace"):
        real = getattr(Path, method)

        def renamed(path: Path, target: Any, real: Any = real) -> Path:
            seen.append(("rename", Path(target).name))
            result: Path = real(path, target)
            return result

        monkeypatch.setattr(Path, method, renamed)
    monkeypatch.setattr(publishing, "_sync", sync)
    return seen


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _make(folder: Path, **files: str) -> Path:
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_text(content)
    return folder


def test_a_file_is_synced_then_renamed_then_its_folder_synced(tmp_path: Path, calls: list[tuple[str, str]]) -> None:
    (tmp_path / "new").write_text("x")
    assert publish_file(tmp_path / "new", tmp_path / "name") == tmp_path / "name"
    assert calls == [("sync", "new"), ("rename", "name"), ("sync", tmp_path.name)]


def test_a_record_is_published_like_any_file(tmp_path: Path, calls: list[tuple[str, str]]) -> None:
    write_json(tmp_path / "record.json", {"a": 1})
    assert calls == [("sync", ".record.json.new"), ("rename", "record.json"), ("sync", tmp_path.name)]


def test_a_folder_is_synced_to_its_last_file_before_it_has_its_name(
    tmp_path: Path, calls: list[tuple[str, str]]
) -> None:
    folder = _make(tmp_path / "partial", a="1")
    _make(folder / "below", b="2")
    publish_folder(folder, tmp_path / "name")
    at = calls.index(("rename", "name"))
    assert set(calls[:at]) == {("sync", "a"), ("sync", "b"), ("sync", "below"), ("sync", "partial")}
    assert calls[at + 1 :] == [("sync", tmp_path.name)]


def test_an_older_folder_changes_places_with_the_new_one_in_one_step(
    tmp_path: Path, calls: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, target = _make(tmp_path / "partial", new="2"), _make(tmp_path / "name", old="1")
    if not publishing._swap(folder, target):
        pytest.skip("this file system cannot exchange two names")
    assert (_names(folder), _names(target)) == (["old"], ["new"])
    monkeypatch.setattr(publishing.shutil, "rmtree", lambda path, **_: calls.append(("remove", path.name)))
    publish_folder(folder, target, replace=True)
    assert calls[-3:-1] == [("sync", tmp_path.name), ("remove", "partial")]
    assert not [call for call in calls if call[0] == "rename"]  # There is no moment without a folder of that name.


def test_an_older_folder_goes_only_after_the_new_one_is_in_place(
    tmp_path: Path, calls: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "_swap", lambda first, second: False)
    _make(tmp_path / "name", old="1")
    publish_folder(_make(tmp_path / "partial", new="2"), tmp_path / "name", replace=True)
    assert [name for what, name in calls if what == "rename"] == ["name", "name"]
    assert _names(tmp_path) == ["name"]
    assert _names(tmp_path / "name") == ["new"]


def test_an_older_folder_stays_when_the_new_one_cannot_be_renamed(tmp_path: Path) -> None:
    _make(tmp_path / "name", old="1")
    with pytest.raises(FileNotFoundError):
        publish_folder(tmp_path / "missing", tmp_path / "name", replace=True)
    assert _names(tmp_path) == ["name"]
    assert _names(tmp_path / "name") == ["old"]


def test_nothing_is_replaced_unasked(tmp_path: Path) -> None:
    _make(tmp_path / "name", old="1")
    (tmp_path / "file").write_text("x")
    folder = _make(tmp_path / "partial", new="2")
    for target in ("name", "file"):
        with pytest.raises(FileExistsError):
            publish_folder(folder, tmp_path / target)
    assert _names(tmp_path / "name") == ["old"]
    _make(tmp_path / "empty")
    publish_folder(folder, tmp_path / "empty")
    assert _names(tmp_path / "empty") == ["new"]


def test_a_block_that_fails_leaves_the_former_file_alone(tmp_path: Path) -> None:
    (tmp_path / "name").write_text("old")
    with pytest.raises(TypeError), writing(tmp_path / "name") as temporary:
        temporary.write_text("half") + None  # type: ignore[operator]
    assert _names(tmp_path) == ["name"]
    assert (tmp_path / "name").read_text() == "old"


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "make room"), (errno.EDQUOT, "quota"), (errno.EROFS, "Read-only"), (errno.EIO, "fails")],
)
def test_what_a_disk_refuses_is_one_line_and_a_fault(tmp_path: Path, number: int, words: str) -> None:
    (tmp_path / "name").write_text("old")
    with pytest.raises(DiskError, match=words) as told, writing(tmp_path / "name"):
        raise OSError(number, os.strerror(number))
    assert str(told.value).count("\n") == 0
    assert (tmp_path / "name").read_text() == "old"


def test_other_failures_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), writing(tmp_path / "missing" / "name") as temporary:
        temporary.write_text("x")


def test_a_file_that_may_only_be_read_is_published_too(tmp_path: Path) -> None:
    (tmp_path / "new").write_text("x")
    (tmp_path / "new").chmod(0o400)
    assert publish_file(tmp_path / "new", tmp_path / "name").read_text() == "x"
