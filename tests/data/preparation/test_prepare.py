"""Preparation: what is taken, what is left out and named, and that nothing half-done is ever taken for whole."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile

from mqn.data.dataset import Dataset
from mqn.data.inspection.inspection import inspect
from mqn.data.location import locate
from mqn.data.preparation.decoding import Decoded
from mqn.data.preparation.parts import Staging
from mqn.data.preparation.prepare import prepare
from mqn.data.storage.catalogue import CATALOGUE
from mqn.data.storage.folders import open_storage
from mqn.errors import DataError, EmptyDatasetError, UsageError
from mqn.hdr.io.files import read, write
from mqn.hdr.primaries import primaries
from mqn.parsing import to_plain

Photos = Callable[..., Path]


def test_a_folder_becomes_a_dataset_of_the_same_pictures(photos: Photos, tmp_path: Path) -> None:
    folder = photos("a.exr", "sub/b.hdr", "c.pfm", "d.tif")

    report = prepare(folder, tmp_path / "out")

    dataset = Dataset.open(tmp_path / "out")
    assert report.counts == {"train": 3, "val": 1}
    assert report.skipped == ()
    assert sorted(dataset.names("train") + dataset.names("val")) == ["a.exr", "c.pfm", "d.tif", "sub/b.hdr"]
    for split in ("train", "val"):
        for index, entry in enumerate(dataset.entries(split)):
            stored = dataset.picture(split, index).astype(np.float32) * np.float32(entry.scale)
            np.testing.assert_allclose(stored, read(folder / entry.name), rtol=2**-10, atol=1e-6)
    assert dataset.damaged() == []


def test_a_report_can_be_written_as_json(photos: Photos, tmp_path: Path) -> None:
    folder = photos("a.exr", "b.exr")
    (folder / "c.exr").write_bytes(b"")

    plain = json.loads(json.dumps(to_plain(prepare(folder, tmp_path / "out"))))

    assert plain["counts"] == {"train": 1, "val": 1}
    assert plain["skipped"][0][0] == "c.exr"


def _nan(path: Path) -> None:
    image = np.ones((8, 8, 3), np.float32)
    image[3, 4, 1] = np.nan
    cv2.imwrite(str(path.with_suffix(".pfm")), image)
    path.with_suffix(".pfm").rename(path)


BROKEN: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "empty": ("z.exr", lambda path: path.write_bytes(b""), "empty"),
    "no picture": ("z.hdr", lambda path: path.write_text("hello"), ""),
    "cut short": ("z.exr", lambda path: path.write_bytes((path.parent / "a.exr").read_bytes()[:900]), ""),
    "NaN": ("z.pfm", _nan, "NaN"),
    "one channel": ("z.pfm", lambda path: cv2.imwrite(str(path), np.ones((8, 8), np.float32)), "1 channel"),
    "black": ("z.exr", lambda path: write(path, np.zeros((8, 8, 3), np.float32)), "black"),
    "one colour": ("z.exr", lambda path: write(path, np.full((8, 8, 3), 0.5, np.float32)), "one colour"),
    "one pixel": ("z.exr", lambda path: write(path, np.ones((1, 1, 3), np.float32)), "1 x 1 pixels"),
    "one row": ("z.exr", lambda path: write(path, np.ones((1, 10000, 3), np.float32)), "10000 x 1 pixels"),
    "8-bit": ("z.tif", lambda path: tifffile.imwrite(path, np.ones((8, 8, 3), np.uint8)), "uint8"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_file_that_cannot_be_used_is_named_and_the_rest_survives(what: str, photos: Photos, tmp_path: Path) -> None:
    folder = photos("a.exr", "b.exr", "c.exr")
    name, spoil, reason = BROKEN[what]
    spoil(folder / name)

    report = prepare(folder, tmp_path / "out")

    assert report.counts == {"train": 2, "val": 1}
    [(file, said)] = report.skipped
    assert file == name
    assert reason in said
    assert said
    assert "\n" not in said
    assert str(folder) not in said
    assert Dataset.open(tmp_path / "out").catalogue.skipped == {name: said}


def test_any_name_that_a_file_can_have_is_prepared(photos: Photos, tmp_path: Path) -> None:
    names = [os.fsdecode(name) for name in (b"caf\xe9.exr", b"\xd6\xd0.hdr", b"s\xff/q.exr", b"line\nbreak.exr")]
    folder = photos("z.exr", *names)
    os.mkfifo(folder / "pipe.exr")
    report = prepare(folder, tmp_path / "out")
    assert [skipped.file for skipped in report.skipped] == ["pipe.exr"]
    dataset = Dataset.open(tmp_path / "out")
    assert sorted(entry.name for entry in dataset.catalogue.pictures) == sorted(["z.exr", *names])
    inspect(dataset, tmp_path / "sheet.html")
    assert "caf\\udce9.exr" in (tmp_path / "sheet.html").read_text(encoding="utf-8")


def test_negative_values_are_counted(photos: Photos, tmp_path: Path) -> None:
    folder = photos("a.exr", "b.exr")
    image = np.ones((8, 8, 3), np.float32)
    image[0, 0] = -0.5
    cv2.imwrite(str(folder / "c.pfm"), image)

    report = prepare(folder, tmp_path / "out")

    assert report.negative_values == 3
    assert Dataset.open(tmp_path / "out").catalogue.negative_values == {"c.pfm": 3}


def test_what_was_put_right_in_a_file_is_reported_and_recorded(photos: Photos, tmp_path: Path) -> None:
    import OpenEXR

    folder = photos("a.exr", "b.exr")
    image = read(folder / "a.exr")
    header = {"chromaticities": primaries("acescg").chromaticities}
    OpenEXR.File(header, {"RGB": image}).write(str(folder / "c.exr"))
    cv2.imwrite(str(folder / "c__ev0.png"), np.full((*image.shape[:2], 3), 90, np.uint8))
    (folder / "c__ev0.png").rename(folder / "c__ev0.jpg")
    (folder / "manifest.csv").write_text("file,source,ldr\na.exr,a,\nb.exr,b,\nc.exr,c,c__ev0.jpg\n")

    report = prepare(folder, tmp_path / "out")

    assert list(report.notes) == ["c.exr", "c__ev0.jpg"]
    assert report.notes["c.exr"][0].startswith("its colours are brought from acescg to BT.709 and adapted")
    assert report.notes["c__ev0.jpg"] == ("holds PNG data, not JPEG as its suffix says",)
    assert Dataset.open(tmp_path / "out").catalogue.notes == report.notes
    assert json.loads((tmp_path / "out" / CATALOGUE).read_text())["notes"]["c.exr"] == list(report.notes["c.exr"])


def test_a_dataset_of_before_notes_opens(photos: Photos, tmp_path: Path) -> None:
    prepare(photos("a.exr", "b.exr"), tmp_path / "out")
    record = json.loads((tmp_path / "out" / CATALOGUE).read_text())
    del record["notes"]
    (tmp_path / "out" / CATALOGUE).write_text(json.dumps(record))
    assert Dataset.open(tmp_path / "out").catalogue.notes == {}


def test_jpegs_beside_the_pictures_are_no_hdr_pictures(photos: Photos, tmp_path: Path) -> None:
    folder = photos("a.exr", "b.exr")
    cv2.imwrite(str(folder / "a__ev0.jpg"), np.zeros((8, 8, 3), np.uint8))

    report = prepare(folder, tmp_path / "out")

    assert sum(report.counts.values()) == 2
    assert report.skipped == ()


def test_long_pictures_are_brought_down_to_the_shorter_side(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.exr", "b.exr"):
        write(
            folder / name,
            np.repeat(np.repeat(np.arange(1, 33, dtype=np.float32), 4)[None, :, None], 64, 0).repeat(3, 2),
        )

    prepare(folder, tmp_path / "out", side=32)

    dataset = Dataset.open(tmp_path / "out")
    picture = dataset.picture("val", 0)
    assert picture.shape == (32, 64, 3)
    # Every value stood on 4 columns; half the columns are left, and areas of equal values average to those.
    values = picture[0, :, 0].astype(np.float32) * dataset.entries("val")[0].scale
    np.testing.assert_array_equal(values, np.repeat(np.arange(1, 33), 2))


@pytest.mark.parametrize("level", [1e-30, 1.0, 1e30])
def test_any_relative_scale_survives_half_floats(level: float, photos: Photos, tmp_path: Path) -> None:
    folder = photos("a.pfm")
    ramp = np.geomspace(1e-6, 1, 192).reshape(8, 8, 3).astype(np.float32)
    write(folder / "b.pfm", ramp * np.float32(level))

    prepare(folder, tmp_path / "out")

    dataset = Dataset.open(tmp_path / "out")
    split = "val" if "b.pfm" in dataset.names("val") else "train"
    stored = dataset.picture(split, 0).astype(np.float64)
    np.testing.assert_allclose(stored / stored.max(), ramp, rtol=2e-3)


def test_an_empty_folder_says_what_is_read(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()

    with pytest.raises(EmptyDatasetError, match=r"no HDR picture in .*photos.*\.exr"):
        prepare(tmp_path / "photos", tmp_path / "out")


def test_a_folder_of_broken_files_says_how_many(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.exr").write_bytes(b"")
    (folder / "b.exr").write_bytes(b"nothing")

    with pytest.raises(EmptyDatasetError, match=r"none of the 2 HDR pictures in .*photos.*a\.exr: is empty"):
        prepare(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_one_picture_is_not_enough(photos: Photos, tmp_path: Path) -> None:
    with pytest.raises(EmptyDatasetError, match="no usable picture is left for val: 1 source"):
        prepare(photos("a.exr"), tmp_path / "out")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere does not exist"):
        prepare(tmp_path / "nowhere", tmp_path / "out")


@pytest.mark.parametrize("settings", [{"side": 8}, {"val_fraction": 0.0}, {"val_fraction": 1.0}, {"workers": 0}])
def test_settings_out_of_range_are_refused(settings: dict[str, float], photos: Photos, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=str(next(iter(settings.values())))):
        prepare(photos("a.exr", "b.exr"), tmp_path / "out", **settings)  # type: ignore[arg-type]


def test_an_interrupted_preparation_leaves_nothing_and_can_be_started_again(photos: Photos, tmp_path: Path) -> None:
    folder = photos("a.exr", "b.exr", "c.exr")

    def interrupt(done: int, total: int, name: str) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(folder, tmp_path / "out", progress=interrupt)
    with pytest.raises(KeyboardInterrupt):
        locate(folder, progress=interrupt)

    assert not (tmp_path / "out").exists()
    assert not list((tmp_path / "home" / "data").rglob(CATALOGUE))
    assert locate(folder).count("train") == 2
    assert prepare(folder, tmp_path / "out").counts == {"train": 2, "val": 1}


def test_it_goes_on_where_it_was_interrupted(photos: Photos, tmp_path: Path) -> None:
    folder = photos("a.exr", "b.exr", "c.exr")
    (folder / "d.exr").write_bytes(b"broken")
    whole = tmp_path / "whole"
    prepare(folder, whole)
    told: list[tuple[int, str]] = []

    def interrupt(done: int, total: int, name: str) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(folder, tmp_path / "out", progress=interrupt)
    # What was changed meanwhile is decoded anew, and then again, to come to what it was.
    content = (folder / "a.exr").read_bytes()
    write(folder / "a.exr", np.arange(1, 193, dtype=np.float32).reshape(8, 8, 3))
    with pytest.raises(KeyboardInterrupt):
        prepare(folder, tmp_path / "out", progress=interrupt)
    (folder / "a.exr").write_bytes(content)
    prepare(folder, tmp_path / "out", progress=lambda done, total, name: told.append((done, name)))

    assert told == [(1, ""), (2, "a.exr"), (3, "c.exr"), (4, "d.exr"), (4, "done")]
    for name in ("dataset.json", "pictures.npy"):
        assert (tmp_path / "out" / name).read_bytes() == (whole / name).read_bytes()


def test_interrupted_while_it_clears_up_it_can_be_called_again(
    photos: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = photos("a.exr", "b.exr")

    def half(self: Staging) -> None:
        next(Path(self.place).glob("*.bin")).unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Staging, "clear", half)
        with pytest.raises(KeyboardInterrupt):
            prepare(folder, tmp_path / "out")
    before = (tmp_path / "out/pictures.npy").read_bytes()

    prepare(folder, tmp_path / "out")
    assert (tmp_path / "out/pictures.npy").read_bytes() == before


def test_parts_of_another_folder_are_not_taken(photos: Photos, tmp_path: Path) -> None:
    # The same names, sizes and dates, as files out of two archives may have.
    first, second = photos("a.pfm", "b.pfm"), photos("x.pfm", "y.pfm", "a.pfm", "b.pfm", folder="second")
    for name in ("x.pfm", "y.pfm"):
        (second / name).unlink()
    for path in (*first.iterdir(), *second.iterdir()):
        os.utime(path, (1, 1))

    def interrupt(done: int, total: int, name: str) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(first, tmp_path / "out", progress=interrupt)

    assert prepare(second, tmp_path / "out").hash == prepare(second, tmp_path / "anew").hash


def test_a_full_disk_keeps_what_is_done(photos: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = photos("a.exr", "b.exr", "c.exr")
    put, done = Staging.put, []

    def full(self: Staging, key: str, decoded: Decoded) -> None:
        if len(done) == 2:
            raise OSError(errno.ENOSPC, "No space left on device", "somewhere")
        put(self, key, decoded)
        done.append(key)

    monkeypatch.setattr(Staging, "put", full)
    with pytest.raises(DataError, match=r"out: No space left on device; .*run the same command again.*are kept"):
        prepare(folder, tmp_path / "out")
    monkeypatch.undo()
    monkeypatch.setenv("MQN_HOME", str(tmp_path / "home"))
    told: list[int] = []
    prepare(folder, tmp_path / "out", progress=lambda number, total, name: told.append(number))

    assert told == [2, 3, 3]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "out", "photos"]


def test_from_and_to_urls(photos: Photos, tmp_path: Path) -> None:
    folder = photos("a.exr", "b.exr")
    here = prepare(folder, tmp_path / "out")
    source = open_storage("memory://test-from-and-to/photos")
    for name in ("a.exr", "b.exr"):
        source.write(name, (folder / name).read_bytes())

    report = prepare("memory://test-from-and-to/photos", "memory://test-from-and-to/ready")

    dataset = Dataset.open("memory://test-from-and-to/ready")
    assert report.hash == here.hash == dataset.hash
    assert list(open_storage("memory://test-from-and-to/ready").files()) == ["dataset.json", "pictures.npy"]
    assert dataset.damaged() == []


def test_leavings_of_a_killed_preparation_are_not_taken_for_whole(photos: Photos, tmp_path: Path) -> None:
    folder = photos("a.exr", "b.exr")
    leavings = tmp_path / ".out.partial"
    leavings.mkdir()
    (leavings / "pictures.npy").write_bytes(b"half")

    prepare(folder, tmp_path / "out")

    assert not leavings.exists()
    assert Dataset.open(tmp_path / "out").damaged() == []


def test_a_dataset_is_replaced_and_anything_else_is_left_alone(photos: Photos, tmp_path: Path) -> None:
    folder = photos("a.exr", "b.exr")
    first = prepare(folder, tmp_path / "out")
    shutil.copy(folder / "a.exr", folder / "c.exr")

    second = prepare(folder, tmp_path / "out")

    assert (sum(first.counts.values()), sum(second.counts.values())) == (2, 3)
    assert first.hash != second.hash
    with pytest.raises(DataError, match="exists and is no dataset"):
        prepare(folder, folder)
    assert (folder / "a.exr").is_file()


def test_a_failed_replacement_keeps_the_dataset_that_was_there(photos: Photos, tmp_path: Path) -> None:
    folder = photos("a.exr", "b.exr")
    before = prepare(folder, tmp_path / "out")
    (folder / "b.exr").write_bytes(b"")

    with pytest.raises(EmptyDatasetError):
        prepare(folder, tmp_path / "out")

    assert Dataset.open(tmp_path / "out").hash == before.hash


def test_progress_names_every_picture(photos: Photos, tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []

    prepare(photos("a.exr", "b.exr"), tmp_path / "out", progress=lambda *step: told.append(step))

    assert told == [(0, 2, ""), (1, 2, "a.exr"), (2, 2, "b.exr"), (2, 2, "done")]


def test_the_hash_is_of_the_pictures_and_not_of_the_place(photos: Photos, tmp_path: Path) -> None:
    first = prepare(photos("a.exr", "b.exr"), tmp_path / "first")
    second = prepare(photos("a.exr", "b.exr", folder="elsewhere"), tmp_path / "second")
    other = prepare(photos("a.exr", "b.exr", "c.exr", folder="more"), tmp_path / "other")

    assert first.hash == second.hash != other.hash


def test_real_photographs(shared: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    names = ["images/memorial.exr", "images/oexr_Tree.exr", "crops/bk_Beach__y1.exr", "pairs/anm_capitol.exr"]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(shared / "hdr" / name, folder / name)
    shutil.copy(shared / "hdr" / "pairs" / "anm_capitol__ev0.jpg", folder / "pairs")
    lines = (shared / "hdr" / "manifest.csv").read_text().splitlines()
    (folder / "manifest.csv").write_text("\n".join(line for line in lines if line.split(",")[0] in ("file", *names)))

    report = prepare(folder, tmp_path / "out")

    dataset = Dataset.open(tmp_path / "out")
    assert [file for file, _ in report.skipped] == ["pairs/anm_capitol__over.jpg", "pairs/anm_capitol__under.jpg"]
    assert [entry.label for entry in dataset.inputs("val")] == ["ev0"]
    assert dataset.names("train") == ["crops/bk_Beach__y1.exr", "images/memorial.exr"]
    assert dataset.names("val") == ["images/oexr_Tree.exr", "pairs/anm_capitol.exr"]
    assert dataset.sources("train") == ["bk_Beach", "memorial"]
    # These files hold half floats and are small enough: a power of 2 changes no digit of them.
    exact = dataset.picture("train", 1).astype(np.float32) * np.float32(dataset.entries("train")[1].scale)
    np.testing.assert_array_equal(exact, read(folder / "images/memorial.exr"))
