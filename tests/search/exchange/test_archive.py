"""Archives: whole or not at all, and nothing of a strange one is used."""

from __future__ import annotations

import json
import stat
import zipfile
from dataclasses import replace

import pytest

from mqn.errors import StudyError, UsageError
from mqn.search.exchange.archive import archive_writer, open_archive
from mqn.search.exchange.contents import CONTENTS, FORMAT, KIND, Contents, Pictures

CONTENT = {"study.json": b"{}", "artifacts/train/k/checkpoint.pt": b"weights" * 100}


def write(path, files=CONTENT, **changes):
    told = Contents(
        format=FORMAT,
        kind=KIND,
        study="s",
        mqn="1",
        exported="",
        artifacts="all",
        trials={},
        pictures=Pictures(name=None, hash=""),
    )
    with archive_writer(path) as archive:
        for name, content in files.items():
            archive.add_bytes(name, content)
        archive.close(replace(told, files=dict(archive.files), **changes))
    return path


def rewrite(path, change):
    """Write an archive anew with other members: `change` takes and gives a list of (ZipInfo, content)."""
    with zipfile.ZipFile(path) as file:
        members = [(info, file.read(info)) for info in file.infolist()]
    with zipfile.ZipFile(path, "w") as file:
        for info, content in change(members):
            file.writestr(info, content)


def refusal(path):
    with pytest.raises(StudyError) as caught, open_archive(path) as archive:
        archive.verify()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_written_is_read_in_the_same_order(tmp_path):
    done = []
    path = write(tmp_path / "s.zip")
    with open_archive(path) as archive:
        archive.verify(done.append)
        assert {name: archive.read(name) for name in archive.contents.files} == CONTENT
        archive.extract("study.json", tmp_path / "out" / "study.json")
        assert list(archive.contents.files) == list(CONTENT)
    assert sum(done) == sum(map(len, CONTENT.values())) == archive.size_bytes
    assert (tmp_path / "out" / "study.json").read_bytes() == b"{}"
    with zipfile.ZipFile(path) as file:
        assert [info.filename for info in file.infolist()] == [*CONTENT, CONTENTS]
        assert {info.date_time for info in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_a_failure_leaves_what_was_there(tmp_path):
    path = write(tmp_path / "s.zip")
    before = path.read_bytes()

    def killed(_size):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), archive_writer(path, killed) as archive:
        archive.add_bytes("more", b"x")
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["s.zip"]


def test_another_file_is_not_replaced(tmp_path):
    path = tmp_path / "holiday.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("photo.jpg", b"x")
    before = path.read_bytes()
    with pytest.raises(UsageError, match="is no exported study; give another file"):
        write(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../up", "artifacts/../../up", "a\\b", ".hidden", "artifacts//x", "con"]
)
def test_a_name_that_leads_elsewhere_is_refused(name, tmp_path):
    path = write(tmp_path / "s.zip")
    rewrite(path, lambda members: [*members, (zipfile.ZipInfo(name), b"x")])
    assert "nothing of it is used" in refusal(path)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_a_link_or_device_is_refused(kind, tmp_path):
    path = write(tmp_path / "s.zip")

    def linked(members):
        members[0][0].external_attr = (kind | 0o777) << 16
        return members

    rewrite(path, linked)
    assert "study.json is a link or no plain file" in refusal(path)


def test_names_that_are_one_on_some_systems_are_refused(tmp_path):
    path = write(tmp_path / "s.zip")
    rewrite(path, lambda members: [*members, (zipfile.ZipInfo("STUDY.json"), b"x")])
    assert "would be one file on some systems" in refusal(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_stands_twice_is_refused(tmp_path):
    path = write(tmp_path / "s.zip")
    rewrite(path, lambda members: [*members, members[0]])
    assert "would be one file" in refusal(path)


def test_what_the_contents_do_not_name_is_refused(tmp_path):
    path = write(tmp_path / "s.zip")
    rewrite(path, lambda members: [*members, (zipfile.ZipInfo("more"), b"x")])
    assert "more is not as manifest.json says" in refusal(path)


def test_what_the_contents_name_and_is_not_there_is_refused(tmp_path):
    path = write(tmp_path / "s.zip")
    rewrite(path, lambda members: members[1:])
    assert "study.json is not as manifest.json says" in refusal(path)


def test_a_changed_file_is_named(tmp_path):
    path = write(tmp_path / "s.zip")
    rewrite(path, lambda members: [(info, content.replace(b"weights", b"WEIGHTS")) for info, content in members])
    assert "artifacts/train/k/checkpoint.pt is not what manifest.json says" in refusal(path)


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.9])
def test_a_file_that_is_cut_short_is_refused(kept, tmp_path):
    path = write(tmp_path / "s.zip", {"study.json": bytes(range(256)) * 40})
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    assert "damaged, cut short or no zip file" in refusal(path)


def test_damage_within_a_member_is_told_in_a_line(tmp_path):
    path = write(tmp_path / "s.zip")
    content = bytearray(path.read_bytes())
    begin = content.index(b"weights")
    content[begin : begin + 7] = b"WEIGHTS"
    path.write_bytes(content)
    assert "checkpoint.pt" in refusal(path)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    path = write(tmp_path / "s.zip")

    def bomb(members):
        info = zipfile.ZipInfo("zeros")
        info.compress_type = zipfile.ZIP_DEFLATED
        return [*members, (info, bytes(80 << 20))]

    rewrite(path, bomb)
    assert "unpacks to more than 200 times its size" in refusal(path)


def test_a_member_that_is_longer_than_its_head_says_is_refused(tmp_path):
    path = write(tmp_path / "s.zip")
    content = path.read_bytes()
    # The size in the central directory, the last place of the number 700 before the contents' own.
    size = (700).to_bytes(4, "little")
    place = content.rindex(b"artifacts/train/k/checkpoint.pt") - 46
    changed = content[: place + 24] + (7).to_bytes(4, "little") + content[place + 28 :]
    assert content[place + 24 : place + 28] == size
    path.write_bytes(changed)
    assert "checkpoint.pt is not as manifest.json says" in refusal(path)


def test_another_format_is_named(tmp_path):
    path = write(tmp_path / "s.zip", format=FORMAT + 1, mqn="9.9")
    assert "has the format '2', and this mqn reads 1: import it with the mqn that wrote it (9.9)" in refusal(path)


@pytest.mark.parametrize("plain", [{"kind": "holiday"}, [], "x"])
def test_another_zip_file_is_no_exported_study(plain, tmp_path):
    path = tmp_path / "s.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(CONTENTS, json.dumps(plain))
    assert "is no exported study" in refusal(path)


def test_a_member_that_is_packed_in_another_way_is_refused(tmp_path):
    path = write(tmp_path / "s.zip")
    rewrite(path, lambda members: [(_packed(info), content) for info, content in members])
    assert "is encrypted or packed in another way" in refusal(path)


def _packed(info):
    info.compress_type = zipfile.ZIP_BZIP2
    return info


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"cannot read .*none\.zip: No such file"), open_archive(tmp_path / "none.zip"):
        pass
