from __future__ import annotations

import numpy as np
import pytest

from mqn.errors import UsageError
from mqn.report.figures.crops import Crop, most_different, parse_crops


def test_a_crop_is_a_square_of_a_named_picture():
    crops = parse_crops(["lamp:3,5,8", "a:b.exr:0,0,1"])
    assert crops == {"lamp": Crop(x=3, y=5, size=8), "a:b.exr": Crop(x=0, y=0, size=1)}
    image = np.arange(20 * 16).reshape(20, 16)
    assert crops["lamp"].of(image)[0, 0] == 5 * 16 + 3
    assert crops["lamp"].of(image).shape == (8, 8)


@pytest.mark.parametrize("word", ["lamp", "lamp:1,2", "lamp:1,2,0", "lamp:-1,2,3", "lamp:1,2,x", ":1,2,3", "a:1.5,2,3"])
def test_another_word_is_refused(word):
    with pytest.raises(UsageError, match="write NAME:x,y,size"):
        parse_crops([word])


def test_a_picture_has_one_crop():
    with pytest.raises(UsageError, match="'a' has a crop already"):
        parse_crops(["a:0,0,4", "a:1,1,4"])


def test_a_crop_ends_with_its_picture():
    assert Crop(x=4, y=0, size=4).inside(4, 8)
    assert not Crop(x=5, y=0, size=4).inside(4, 8)
    assert not Crop(x=0, y=1, size=4).inside(4, 8)


def test_the_square_holds_the_largest_difference_in_sum():
    first, second = np.zeros((2, 16, 24, 3), np.float32)
    second[2, 2] = 0.9  # One pixel ...
    second[8:12, 15:19] = -0.1  # ... and many that differ less, whichever way.
    assert most_different(first, second) == Crop(x=15, y=8, size=4)


def test_of_equal_pictures_the_first_square_is_taken():
    same = np.ones((8, 8, 3), np.float32)
    assert most_different(same, same) == Crop(x=0, y=0, size=2)
