"""Opening, finding and mistrusting prepared datasets."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mqn.data.dataset import Dataset
from mqn.data.location import locate
from mqn.data.preparation import engine
from mqn.data.preparation import prepare as preparation
from mqn.data.storage.catalogue import CATALOGUE, PICTURES
from mqn.errors import DataError
from mqn.hdr.io.files import write

Photos = Callable[..., Path]


@pytest.fixture
def prepared(photos: Photos, tmp_path: Path) -> Path:
    preparation.prepare(photos("a.exr", "b.exr", "c__1.exr", "c__2.exr"), tmp_path / "out", val_fraction=0.3)
    return tmp_path / "out"


def test_counts_names_and_sources_are_by_split(prepared: Path) -> None:
    dataset = Dataset.open(prepared)

    assert dataset.count("train") + dataset.count("val") == 4
    assert len(dataset.names("train")) == len(dataset.sources("train")) == dataset.count("train")
    assert not set(dataset.sources("train")) & set(dataset.sources("val"))
    with pytest.raises(DataError, match="no split 'test'"):
        dataset.count("test")  # type: ignore[arg-type]


def test_pictures_are_mapped_and_cannot_be_written(prepared: Path) -> None:
    picture = Dataset.open(prepared).picture("train", 0)

    assert picture.dtype == np.float16
    assert not picture.flags.writeable
    assert picture.base is not None
    assert 2**14 <= picture.max() <= 2**15


def test_a_dataset_travels_as_its_place(prepared: Path) -> None:
    dataset = Dataset.open(prepared)

    sent = pickle.dumps(dataset)

    assert len(sent) < 1000
    assert pickle.loads(sent).hash == dataset.hash


def test_a_folder_that_is_none_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no prepared dataset.*mqn data prepare"):
        Dataset.open(tmp_path)


def _shorten(folder: Path) -> None:
    content = (folder / PICTURES).read_bytes()
    (folder / PICTURES).write_bytes(content[:-100])


def _edit(key: str, value: object) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        record = json.loads((folder / CATALOGUE).read_text())
        (folder / CATALOGUE).write_text(json.dumps({**record, key: value}))

    return edit


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda folder: (folder / CATALOGUE).write_text("{"), "not valid JSON"),
        (_edit("pictures", [{"name": 1}]), "damaged"),
        (_edit("format", 99), "format 99, this version reads 2"),
        (_edit("hash", "0" * 64), "changed after it was written"),
        (lambda folder: (folder / PICTURES).unlink(), "pictures.npy"),
        (_shorten, "pictures.npy"),
        (lambda folder: (folder / PICTURES).write_bytes(b""), "pictures.npy: No data left"),
        (lambda folder: np.save(folder / PICTURES, np.zeros(5, np.float16)), "holds 5 values of float16, not"),
    ],
)
def test_a_damaged_dataset_is_told_apart(harm: Callable[[Path], object], said: str, prepared: Path) -> None:
    harm(prepared)

    with pytest.raises(DataError, match=said) as caught:
        Dataset.open(prepared)
    assert "\n" not in str(caught.value)
    assert "prepare it again" in str(caught.value)


def test_changed_pixels_are_found_by_their_hash(prepared: Path) -> None:
    content = bytearray((prepared / PICTURES).read_bytes())
    content[-1] ^= 1
    (prepared / PICTURES).write_bytes(content)

    dataset = Dataset.open(prepared)

    assert dataset.damaged() == [dataset.catalogue.pictures[-1].name]


def test_locate_opens_a_prepared_folder_as_it_is(prepared: Path) -> None:
    assert locate(prepared).folder == prepared


def test_locate_prepares_a_folder_once_and_again_when_it_changes(photos: Photos) -> None:
    folder = photos("a.exr", "b.exr")
    told: list[str] = []

    def progress(done: int, total: int, name: str) -> None:
        told.append(name)

    first = locate(folder, progress=progress)
    assert told == ["", "a.exr", "b.exr", "done"]
    assert locate(str(folder), progress=progress).folder == first.folder
    assert len(told) == 4

    write(folder / "c.exr", np.arange(1, 193, dtype=np.float32).reshape(8, 8, 3))
    changed = locate(folder, progress=progress)

    assert len(told) == 9
    assert changed.count("train") + changed.count("val") == 3
    assert Dataset.open(first.folder).hash == first.hash != changed.hash


def test_locate_refuses_a_file_and_a_folder_that_is_not_there(photos: Photos) -> None:
    folder = photos("a.exr")

    with pytest.raises(DataError, match=r"a\.exr is a file, not a folder"):
        locate(folder / "a.exr")
    with pytest.raises(DataError, match="nowhere does not exist"):
        locate(folder / "nowhere")


@pytest.mark.slow
def test_the_default_is_procedural_and_prepared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "SCENE_SIDE", 16)
    told: list[int] = []

    dataset = locate(None, progress=lambda done, total, name: told.append(total))
    again = locate()

    assert (dataset.count("train"), dataset.count("val")) == (24, 8)
    assert {name.split("-")[1] for name in dataset.names("val")} >= {"street", "room", "night", "sunset"}
    assert told == [32] * 34
    assert again.hash == dataset.hash
