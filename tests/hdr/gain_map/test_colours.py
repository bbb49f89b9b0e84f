"""Curves and primaries of a base, from its profile."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pytest
from tests.hdr.icc_profiles import cmyk_profile, display_profile, grey_profile

from mqn.hdr.gain_map.colours import SRGB, Colours, read_colours
from mqn.hdr.primaries import matrix
from mqn.hdr.transfer import srgb_decode


def test_no_profile_and_a_damaged_one_are_srgb() -> None:
    assert read_colours(None, grey=False) is SRGB
    assert read_colours(b"damaged", grey=False) is SRGB
    assert read_colours(b"damaged", grey=True) is SRGB
    assert read_colours(cmyk_profile(), grey=False) is SRGB
    assert SRGB.curves[:, 1] == pytest.approx(srgb_decode(np.arange(256) / 255), abs=1e-6)


def test_curves_and_primaries_are_the_profile_s() -> None:
    p3 = read_colours(display_profile("p3", gamma=2.2), grey=False)
    assert p3.to_bt709 == pytest.approx(matrix("p3", "bt709").T, abs=1e-3)
    assert p3.curves == pytest.approx(np.repeat((np.arange(256) / 255)[:, None] ** 2.2, 3, axis=1), abs=1e-3)
    srgb = read_colours(bytes(imagecodecs.cms_profile("srgb")), grey=False)
    assert srgb.curves == pytest.approx(SRGB.curves, abs=1e-3)


def test_grey_has_the_curve_of_its_profile() -> None:
    colours = read_colours(grey_profile(2.2), grey=True)
    assert colours.curves[:, 0] == pytest.approx((np.arange(256) / 255) ** 2.2, abs=2e-3)


def test_codes_are_looked_up_channel_by_channel() -> None:
    colours = Colours(np.stack([np.arange(256.0), np.zeros(256), np.ones(256)], axis=1), np.eye(3))
    assert colours.linear(np.array([[[7, 8, 9]]], np.uint8)).tolist() == [[[7, 0, 1]]]
    assert colours.linear(np.array([[7]], np.uint8)).tolist() == [[[7, 0, 1]]]
