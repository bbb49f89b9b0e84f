"""Primaries: published matrices, white stays white, gamuts nest."""

from __future__ import annotations

import numpy as np
import pytest

from mqn.errors import UnknownNameError
from mqn.hdr.primaries import PRIMARIES, change_primaries, luminance, matrix, primaries, to_xyz


def test_bt709_to_bt2020_is_the_published_matrix() -> None:
    # ITU-R BT.2087-0, section 4: M2.
    published = [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]
    np.testing.assert_allclose(matrix("bt709", "bt2020"), published, atol=5e-5)


def test_luminance_weights_are_those_of_the_standards() -> None:
    np.testing.assert_allclose(to_xyz("bt709")[1], [0.2126, 0.7152, 0.0722], atol=5e-5)
    np.testing.assert_allclose(to_xyz("bt2020")[1], [0.2627, 0.6780, 0.0593], atol=5e-5)
    np.testing.assert_allclose(luminance(np.array([[0.0, 1.0, 0.0]])), [0.7152], atol=5e-5)


@pytest.mark.slow
@pytest.mark.parametrize("source", PRIMARIES)
@pytest.mark.parametrize("target", PRIMARIES)
def test_white_stays_white_and_back_is_the_inverse(source: str, target: str) -> None:
    image = np.random.default_rng(0).random((4, 5, 3))
    np.testing.assert_allclose(change_primaries(np.ones((1, 3)), source, target), 1.0, atol=1e-12)
    back = change_primaries(change_primaries(image, source, target), target, source)
    np.testing.assert_allclose(back, image, atol=1e-12)


def test_bt709_lies_within_bt2020_and_keeps_its_dtype() -> None:
    corners = np.eye(3, dtype=np.float32)
    converted = change_primaries(corners, "bt709", "bt2020")
    assert converted.dtype == np.float32
    assert converted.min() > 0
    assert change_primaries(corners, "bt2020", "bt709").min() < 0


def test_chromaticities_stand_in_the_order_of_openexr() -> None:
    assert primaries("bt709").chromaticities == (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329)
    with pytest.raises(UnknownNameError, match=r"bt7099.*did you mean 'bt709'"):
        primaries("bt7099")
