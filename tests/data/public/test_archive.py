"""Archives, well-meant and not."""

from __future__ import annotations

import contextlib
import io
import os
import random
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from mqn.data.public import archive
from mqn.data.public.archive import extract
from mqn.errors import FetchError
from mqn.files.local_names import MARK

Harm = Callable[[bytes], bytes]
FILES = {"set/a.hdr": b"first" * 1000, "set/deep/b.hdr": b"second" * 1000, "set/notes.txt": b"text"}


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in files.items():
            file.writestr(name, data)
    return path


def tarred(path: Path, files: dict[str, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as file:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return path


def content(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != MARK)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def everything(name: str) -> bool:
    return bool(name)


@pytest.mark.parametrize("kind", ["zip", "w", "w:gz", "w:bz2", "w:xz"])
def test_wanted_files_come_out(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "any.name"
    packed = zipped(path, FILES) if kind == "zip" else tarred(path, FILES, kind)
    extract(packed, tmp_path / "out", lambda name: name.endswith(".hdr"))
    assert content(tmp_path / "out") == {name: data for name, data in FILES.items() if name.endswith(".hdr")}
    assert not (tmp_path / "out.partial").exists()


@pytest.mark.parametrize(
    "name", ["../../outside.hdr", "/outside.hdr", "a/../../outside.hdr", "C:/outside.hdr", "..\\up.hdr"]
)
@pytest.mark.parametrize("pack", [zipped, tarred])
def test_member_that_leaves_the_folder(tmp_path: Path, pack, name: str) -> None:
    inner = tmp_path / "one" / "two"
    inner.mkdir(parents=True)
    packed = pack(inner / "bad", {"good.hdr": b"good", name: b"bad"})
    with pytest.raises(FetchError, match=r"would leave the folder; nothing of the archive is used"):
        extract(packed, inner / "out", everything)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["bad"]


def test_links_are_not_made(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "links.tar", "w") as file:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE):
            info = tarfile.TarInfo(f"link{kind.decode()}.hdr")
            info.type, info.linkname = kind, "/etc/passwd"
            file.addfile(info)
        info = tarfile.TarInfo("real.hdr")
        info.size = 4
        file.addfile(info, io.BytesIO(b"real"))
    extract(tmp_path / "links.tar", tmp_path / "tar", everything)
    assert content(tmp_path / "tar") == {"real.hdr": b"real"}

    with zipfile.ZipFile(tmp_path / "links.zip", "w") as zip_file:
        link = zipfile.ZipInfo("link.hdr")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        zip_file.writestr(link, "/etc/passwd")
        zip_file.writestr("real.hdr", b"real")
    extract(tmp_path / "links.zip", tmp_path / "zip", everything)
    assert content(tmp_path / "zip") == {"real.hdr": b"real"}


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack) -> None:
    monkeypatch.setattr(archive, "_ALWAYS_ALLOWED", 1000)
    packed = pack(tmp_path / "bomb", {"a.hdr": bytes(100), "b.hdr": bytes(3_000_000)})
    assert packed.stat().st_size * 100 < 3_000_000
    with pytest.raises(FetchError, match=r"unpacks to more than 100 times its size at b\.hdr"):
        extract(packed, tmp_path / "out", everything)
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "out.partial").exists()


def test_bomb_that_lies_about_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_ALWAYS_ALLOWED", 1000)
    packed = zipped(tmp_path / "bomb", {"b.hdr": bytes(3_000_000)})
    packed.write_bytes(packed.read_bytes().replace((3_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    with pytest.raises(FetchError, match="damaged or cut short"):
        extract(packed, tmp_path / "out", everything)


@pytest.mark.parametrize("pack", [zipped, tarred])
@pytest.mark.parametrize("part", [0.3, 0.7, 0.97])
def test_damaged_archive(tmp_path: Path, pack, part: float) -> None:
    packed = pack(tmp_path / "bad", {name: os.urandom(5000) for name in FILES})
    whole = packed.read_bytes()
    packed.write_bytes(whole[: int(len(whole) * part)])
    with pytest.raises(FetchError, match=r"bad: (damaged or cut short|neither a zip nor a tar)") as error:
        extract(packed, tmp_path / "out", everything)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_flipped_bytes_are_seen(tmp_path: Path) -> None:
    packed = zipped(tmp_path / "bad", {"a.hdr": os.urandom(5000)})
    data = bytearray(packed.read_bytes())
    data[2000] ^= 0xFF
    packed.write_bytes(data)
    with pytest.raises(FetchError, match="damaged"):
        extract(packed, tmp_path / "out", everything)


def test_no_archive(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    with pytest.raises(FetchError, match="neither a zip nor a tar archive"):
        extract(tmp_path / "text", tmp_path / "out", everything)


def test_archive_of_something_else(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="holds none of the files"):
        extract(zipped(tmp_path / "other.zip", FILES), tmp_path / "out", lambda name: name.endswith(".exr"))
    assert not (tmp_path / "out").exists()


def test_encrypted_archive(tmp_path: Path) -> None:
    packed = zipped(tmp_path / "secret.zip", {"a.hdr": b"x" * 100})
    data = packed.read_bytes()
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.index(mark) + offset
        data = data[:at] + b"\x01" + data[at + 1 :]
    packed.write_bytes(data)
    with pytest.raises(FetchError, match="is encrypted"):
        extract(packed, tmp_path / "out", everything)


@pytest.fixture
def killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An archive at whose second file its extraction was killed."""
    packed = zipped(tmp_path / "set.zip", FILES)
    take = archive._take

    def take_one(member, target: Path, budget: int, path: Path) -> int:
        if member.name.endswith("b.hdr"):
            raise SystemExit
        return take(member, target, budget, path)

    with monkeypatch.context() as patch:
        patch.setattr(archive, "_take", take_one)
        with pytest.raises(SystemExit):
            extract(packed, tmp_path / "out", everything)
    return packed


def test_goes_on_where_a_killed_extraction_ended(killed: Path, tmp_path: Path) -> None:
    before = (tmp_path / "out.partial/set/a.hdr").stat()
    extract(killed, tmp_path / "out", everything)
    after = (tmp_path / "out/set/a.hdr").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert content(tmp_path / "out") == FILES


def test_what_is_left_of_another_archive_is_not_used(killed: Path, tmp_path: Path) -> None:
    other = {"set/deep/b.hdr": b"other"}
    extract(zipped(killed, other), tmp_path / "out", everything)
    assert content(tmp_path / "out") == other


def test_no_room(tmp_path: Path) -> None:
    archive.require_room(tmp_path, 1000)
    with pytest.raises(FetchError, match=r"1000000000\.0 GB are needed and .* free .* --output"):
        archive.require_room(tmp_path, 10**18)


def test_disk_that_fills_up_keeps_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = zipped(tmp_path / "set.zip", FILES)
    take = archive._take

    def full(member, target: Path, budget: int, path: Path) -> int:
        if member.name.endswith("b.hdr"):
            raise OSError(28, "No space left on device")
        return take(member, target, budget, path)

    monkeypatch.setattr(archive, "_take", full)
    with pytest.raises(FetchError, match=r"the disk of .*out is full; what is there is kept"):
        extract(packed, tmp_path / "out", everything)
    assert (tmp_path / "out.partial/set/a.hdr").read_bytes() == FILES["set/a.hdr"]
    monkeypatch.setattr(archive, "_take", take)
    extract(packed, tmp_path / "out", everything)
    assert content(tmp_path / "out") == FILES


@pytest.mark.parametrize(
    ("name", "harm"),
    [
        (b"set/\xc3\xa4.hdr", lambda data: data.replace(b"set/\xc3\xa4", b"set/\xff\xfe")),
        (b"a", lambda data: data.replace(b"\x01\x00\x00\x00", b"\x00\x00\x00\x00")),
    ],
)
def test_a_zip_whose_directory_makes_no_sense_is_damaged(name: bytes, harm: Harm, tmp_path: Path) -> None:
    whole = zipped(tmp_path / "a.zip", {name.decode(): b"x" * 50})
    data = whole.read_bytes()
    directory = data.index(b"PK\1\2")
    for harmed in (harm(data), data[:directory] + harm(data[directory:])):
        whole.write_bytes(harmed)
        with pytest.raises(FetchError, match="damaged or cut short"):
            extract(whole, tmp_path / "in" / "out", lambda _: True)
        assert not list((tmp_path / "in").iterdir())


@pytest.mark.slow
def test_an_archive_of_any_bytes_ends_in_files_or_in_one_line(tmp_path: Path) -> None:
    good, generator = zipped(tmp_path / "a.zip", {"ä/a.hdr": b"x" * 50, "b.hdr": b"y"}).read_bytes(), random.Random(7)
    for number in range(300):
        harmed = bytearray(good)
        for _ in range(generator.randint(1, 4)):
            harmed[generator.randrange(len(harmed))] = generator.choice((0, 255, generator.randrange(256)))
        (tmp_path / "a.zip").write_bytes(harmed)
        with contextlib.suppress(FetchError):
            extract(tmp_path / "a.zip", tmp_path / "in" / str(number), lambda _: True)
    assert {path.name for path in tmp_path.iterdir()} == {"a.zip", "in"}
    assert all(path.name.isdecimal() for path in (tmp_path / "in").iterdir())
