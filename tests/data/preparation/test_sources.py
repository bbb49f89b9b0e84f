"""Which pictures a folder holds, and on which side of the split each belongs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.jpegs import gradient, jpeg

from mqn.data.preparation.decoding import decode
from mqn.data.preparation.sources import Found, assign_splits, survey
from mqn.data.storage.folders import open_storage
from mqn.errors import DataError, EmptyDatasetError
from mqn.hdr.io.ultra_hdr import GainMapOptions, read_base, write_ultra_hdr

Photos = Callable[..., Path]


def test_without_a_manifest_views_of_one_panorama_are_one_source(photos: Photos) -> None:
    contents = survey(open_storage(photos("beach__y1.exr", "beach__y2.exr", "town.exr", "sub/town.exr")))

    assert {picture.name: picture.source for picture in contents.pictures} == {
        "beach__y1.exr": "beach",
        "beach__y2.exr": "beach",
        "town.exr": "town",
        "sub/town.exr": "sub/town",
    }
    assert not contents.has_splits


def test_a_manifest_names_sources_and_splits(photos: Photos) -> None:
    folder = photos("a.exr", "b.exr", "c.exr")
    (folder / "manifest.csv").write_text(
        "split,file,source,note\nval,a.exr,lake,\ntrain,b.exr,hill,\nval,c.exr,lake,\n"
    )

    contents = survey(open_storage(folder))

    assert [(p.name, p.source, p.split) for p in contents.pictures] == [
        ("a.exr", "lake", "val"),
        ("b.exr", "hill", "train"),
        ("c.exr", "lake", "val"),
    ]
    assert contents.beside_manifest == 0


def test_pictures_beside_the_manifest_are_taken_and_follow_their_source(photos: Photos) -> None:
    folder = photos("a.exr", "b.exr", "lake__y3.exr", "new.exr")
    (folder / "manifest.csv").write_text("file,source,split\na.exr,lake,val\nb.exr,hill,train\n")

    contents = survey(open_storage(folder))
    sides = assign_splits(contents.pictures, has_splits=contents.has_splits, val_fraction=0.5, seed=0)

    assert contents.beside_manifest == 2
    assert sides == {"lake": "val", "hill": "train", "new": "train"}


def test_what_a_manifest_names_and_is_not_there_is_told(photos: Photos) -> None:
    folder = photos("a.exr")
    (folder / "b.jpg").write_bytes(b"jpeg")
    (folder / "manifest.csv").write_text("file,source\na.exr,a\nb.jpg,b\ngone.exr,c\n")

    contents = survey(open_storage(folder))

    assert [picture.name for picture in contents.pictures] == ["a.exr"]
    assert "no HDR picture" in contents.skipped["b.jpg"]
    assert contents.skipped["gone.exr"] == "stands in manifest.csv, line 4, column 'file', but there is no such file"


def test_pictures_of_kinds_that_are_not_read_are_named(photos: Photos) -> None:
    folder = photos("a.exr")
    for name in ("b.CR3", "c.pic", "notes.txt", "d.jpg"):
        (folder / name).write_bytes(b"x")
    skipped = survey(open_storage(folder)).skipped
    assert sorted(skipped) == ["b.CR3", "c.pic"]
    assert "is of a kind that is not read; .hdr, " in skipped["b.CR3"]


def test_a_manifest_is_found_in_any_case(photos: Photos) -> None:
    folder = photos("a.exr", "b.exr")
    (folder / "Manifest.CSV").write_text("FILE;SOURCE;SPLIT\r\nA.EXR;lake;Val\r\n")
    contents = survey(open_storage(folder))
    assert [(p.name, p.source, p.split) for p in contents.pictures] == [
        ("a.exr", "lake", "val"),
        ("b.exr", "b", None),
    ]


def test_an_empty_split_names_what_was_left_out(photos: Photos) -> None:
    found = [Found(name="a", source="a", split="train")]
    with pytest.raises(EmptyDatasetError, match=r"left for val: .* 1 left out, for example b\.exr: no such file"):
        assign_splits(found, has_splits=True, val_fraction=0.5, seed=0, skipped={"b.exr": "no such file"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,source\na.exr,a\n", "no column 'file'; it has name, source"),
        ("", "no column 'file' and no column 'source'"),
        ("file,source,split\na.exr,a,test\n", "line 2: split 'test'; allowed: train, val"),
        ("file,source\na.exr,a\na.exr,b\n", "line 3: a.exr stands there for the second time"),
        ("file,source,split\na.exr,x,train\nb.exr,x,val\n", "source 'x' into both train and val"),
    ],
)
def test_a_manifest_that_cannot_be_understood_says_where(text: str, said: str, photos: Photos) -> None:
    folder = photos("a.exr", "b.exr")
    (folder / "manifest.csv").write_text(text)

    with pytest.raises(DataError, match=said):
        survey(open_storage(folder))


def _found(count: int) -> list[Found]:
    return [Found(name=f"{i}{view}", source=str(i), split=None) for i in range(count) for view in "ab"]


def test_the_split_is_by_source_and_of_the_fraction_asked_for() -> None:
    sides = assign_splits(_found(20), has_splits=False, val_fraction=0.15, seed=0)

    assert len(sides) == 20
    assert list(sides.values()).count("val") == 3


def test_the_split_depends_on_the_seed_and_not_on_the_order() -> None:
    one, two = (assign_splits(_found(20), has_splits=False, val_fraction=0.3, seed=seed) for seed in (0, 1))

    assert one == assign_splits(_found(20)[::-1], has_splits=False, val_fraction=0.3, seed=0)
    assert one != two


@pytest.mark.parametrize("fraction", [0.001, 0.999])
def test_both_splits_have_some(fraction: float) -> None:
    sides = assign_splits(_found(2), has_splits=False, val_fraction=fraction, seed=0)

    assert sorted(sides.values()) == ["train", "val"]


def test_a_manifest_without_validation_pictures_is_an_error() -> None:
    found = [Found(name="a", source="a", split="train"), Found(name="b", source="b", split=None)]

    with pytest.raises(EmptyDatasetError, match=r"left for val: 2 source.*correct the splits in manifest\.csv"):
        assign_splits(found, has_splits=True, val_fraction=0.5, seed=0)


def test_states_change_with_files_manifest_and_inputs(photos: Photos) -> None:
    folder = photos("a.exr", "b.exr")
    storage = open_storage(folder)
    before = survey(storage).states

    (folder / "a.jpg").write_bytes(b"of no consequence")
    assert survey(storage).states == before
    (folder / "manifest.csv").write_text("file,source,ldr\na.exr,a,a.jpg\n")
    assert sorted(survey(storage).states) == ["a.exr", "a.jpg", "b.exr", "manifest.csv"]
    (folder / "b.exr").unlink()
    assert sorted(survey(storage).states) == ["a.exr", "a.jpg", "manifest.csv"]


def test_jpegs_with_a_gain_map_are_pictures_unless_they_are_inputs(photos: Photos) -> None:
    folder = photos("a.exr")
    codes = gradient()[1]
    (folder / "plain.jpg").write_bytes(jpeg(codes))
    for name in ("phone.jpg", "input.JPEG"):
        write_ultra_hdr(folder / name, read_base(folder / "plain.jpg"), gradient()[0], GainMapOptions())
    (folder / "nowhere.jpg").symlink_to(folder / "gone.jpg")
    assert [found.name for found in survey(open_storage(folder)).pictures] == ["a.exr", "input.JPEG", "phone.jpg"]
    (folder / "manifest.csv").write_text("file,source,ldr\na.exr,a,input.JPEG\nplain.jpg,b,\n")
    contents = survey(open_storage(folder))
    assert [found.name for found in contents.pictures] == ["a.exr", "phone.jpg"]
    assert "but is no HDR picture" in contents.skipped["plain.jpg"]
    assert decode(open_storage(folder), "phone.jpg", (), side=24).part.width == 40


def test_a_fetched_folder_says_which_public_dataset_it_is(photos: Photos) -> None:
    folder = photos("a.exr", "b.exr")
    (folder / "manifest.csv").write_text("file,source\na.exr,a\nb.exr,b\n")
    assert survey(open_storage(folder)).published == ""
    (folder / "fetched.json").write_text('{"dataset": "ward", "licence": "none", "complete": true, "files": []}')
    assert survey(open_storage(folder)).published == "ward"
    for foreign in ("[]", "no JSON", '{"dataset": 3}'):
        (folder / "fetched.json").write_text(foreign)
        assert survey(open_storage(folder)).published == ""
