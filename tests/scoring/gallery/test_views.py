"""What a gallery shows: one exposure for all, Q, and what is lost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mqn.errors import PictureError
from mqn.hdr.tonemap import reinhard
from mqn.metrics.protocol import do_nothing, judge
from mqn.scoring.gallery.views import INPUT, TRUTH, look
from mqn.scoring.judging.evaluation import PictureSet
from mqn.scoring.methods import parse_method

METHODS = {name: parse_method(name) for name in ("do-nothing", "oracle")}


def test_methods_stand_between_input_and_truth_at_the_truths_exposure(pictures: PictureSet) -> None:
    larger = replace(pictures, size=32)
    told: list[tuple[int, int]] = []
    (first, second) = look(larger, [2, 0], METHODS, lambda done, total: told.append((done, total)))
    assert (first.name, second.name) == ("b.exr", "a1.exr")
    assert [column.name for column in first.columns] == [INPUT, "do-nothing", "oracle", TRUTH]
    assert told == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    picture = larger.open()(2)
    light = do_nothing(picture.ldr)
    shown, nothing, oracle, truth = first.columns
    np.testing.assert_array_equal(shown.image, picture.ldr)
    np.testing.assert_array_equal(nothing.image, reinhard(light, picture.truth))
    np.testing.assert_array_equal(truth.image, reinhard(picture.truth))
    assert nothing.quality == judge(light, picture, ("hdrvdp_q",))["hdrvdp_q"]
    assert nothing.quality < oracle.quality
    assert nothing.differences.shape == (32, 32)
    assert nothing.differences.sum() > oracle.differences.sum()
    assert (shown.quality, shown.differences, truth.quality, truth.differences) == (None,) * 4


def test_a_picture_too_small_for_hdr_vdp_is_named(pictures: PictureSet) -> None:
    with pytest.raises(PictureError, match="16 x 16 pixels are too few for 'hdrvdp_q'"):
        look(pictures, [0], METHODS, lambda *_: None)
