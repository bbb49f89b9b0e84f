"""Linear pictures beside LDR ones."""

from __future__ import annotations

import numpy as np
import pytest

from mqn.hdr.beside import KNEE, Exposure, exposure_beside, shown_beside
from mqn.hdr.transfer import srgb_decode, srgb_encode


def test_what_the_ldr_picture_shows_is_as_bright_in_the_truth() -> None:
    light = np.geomspace(0.001, 16, 64 * 64 * 3).reshape(64, 64, 3)
    ldr = srgb_encode(np.clip(light, 0, 1))
    exposure = exposure_beside(ldr, light * 37)
    assert exposure.factor == pytest.approx(1 / 37)
    shown = shown_beside(light * 37, exposure)
    dark = light <= KNEE
    np.testing.assert_allclose(shown[dark], ldr[dark], atol=1e-6)
    assert (np.diff(shown.ravel()) > -1e-9).all()
    # What is clipped in the LDR picture has grades in the truth.
    clipped = (light > 1) & (light < 15)
    assert ldr[clipped].min() > 1 - 1e-9
    assert shown[clipped].max() < 1
    assert np.ptp(shown[clipped]) > 0.05


def test_white_is_where_it_is_said_to_be() -> None:
    exposure = Exposure(factor=1.0, white=8.0)
    shown = shown_beside(np.array([[[0.25, 8.0, 100.0]]]), exposure)[0, 0]
    assert srgb_decode(shown) == pytest.approx([0.25, 1.0, 1.0])
    # Nothing above white: nothing is rolled off.
    plain = np.array([[[0.1, 0.7, 1.0]]])
    np.testing.assert_allclose(shown_beside(plain, Exposure(factor=1.0, white=1.0)), srgb_encode(plain))


def test_pictures_that_show_nothing_have_an_exposure_all_the_same() -> None:
    black, white, light = np.zeros((4, 4, 3)), np.ones((4, 4, 3)), np.full((4, 4, 3), 5.0)
    assert exposure_beside(black, light).factor == 1.0
    assert exposure_beside(white, light).factor == pytest.approx(0.2)
    assert np.isfinite(shown_beside(light, exposure_beside(black, np.zeros((4, 4, 3))))).all()
