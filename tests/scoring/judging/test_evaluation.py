from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mqn.data.dataset import Dataset
from mqn.data.pairs.evaluation import evaluation_pictures
from mqn.errors import EmptyDatasetError
from mqn.scoring.judging.evaluation import PictureSet


def test_pictures_are_those_of_the_dataset_one_at_a_time(dataset: Dataset, pictures: PictureSet) -> None:
    listing, picture_of = pictures.listing(), pictures.open()
    expected = evaluation_pictures(dataset, 16)
    assert [(e.name, e.source, e.height, e.width) for e in listing] == [(e.name, e.source, 16, 16) for e in expected]
    np.testing.assert_array_equal(picture_of(2).ldr, expected[2].ldr)
    np.testing.assert_array_equal(picture_of(2).truth, expected[2].truth)


def test_camera_pictures_keep_their_size_and_say_what_they_are(pictures: PictureSet) -> None:
    camera = replace(pictures, inputs="camera", size=None)
    assert [(e.name, e.source, e.height) for e in camera.listing()] == [
        ("a1__ev0.png", "a", 32),
        ("a1__over.png", "a", 32),
        ("b__over.png", "b", 32),
    ]
    picture = camera.open()(1)
    assert (picture.operator, picture.ldr.shape) == ("camera:over", (32, 32, 3))


def test_the_virtual_camera_makes_other_inputs_of_the_same_truth(pictures: PictureSet) -> None:
    usual, virtual = pictures.open()(0), replace(pictures, inputs="virtual").open()(0)
    np.testing.assert_array_equal(usual.truth, virtual.truth)
    assert not np.array_equal(usual.ldr, virtual.ldr)


def test_a_set_without_pictures_says_what_to_do(pictures: PictureSet) -> None:
    with pytest.raises(EmptyDatasetError, match=r"no camera pictures in the split 'train' .* column `ldr`"):
        replace(pictures, inputs="camera", split="train").listing()


def test_all_are_both_sides_of_the_split_and_a_limit_takes_some_of_them(pictures: PictureSet) -> None:
    whole = replace(pictures, split="all")
    assert [e.name for e in whole.listing()] == ["a1.exr", "a2.exr", "b.exr", "c.exr", "d.exr"]
    assert whole.open()(4).name == "d.exr"
    assert [e.name for e in replace(whole, inputs="camera", size=None).listing()][-1] == "b__over.png"
    some = replace(whole, limit=3)
    assert [e.name for e in some.listing()] == ["a1.exr", "b.exr", "d.exr"]
    assert [some.open()(index).name for index in range(3)] == ["a1.exr", "b.exr", "d.exr"]
    assert replace(whole, limit=9).listing() == whole.listing()
    assert some.key == whole.key != pictures.key


def test_the_key_names_the_pictures_and_not_their_place(pictures: PictureSet) -> None:
    assert replace(pictures, dataset=pictures.dataset.parent).key == pictures.key
    assert replace(pictures, size=8).key != pictures.key != replace(pictures, inputs="virtual").key
