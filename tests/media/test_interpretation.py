"""Tags are obeyed, absences stated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mqn.errors import VideoError
from mqn.media.interpretation import Interpretation, Tags, interpret

BT709 = Tags(primaries=1, transfer=1, matrix=1, range=1)
UNKNOWN = Tags(primaries=2, transfer=2, matrix=2, range=0)


def read(tags: Tags, **changes: object) -> Interpretation:
    given = {"name": "a.mp4", "rgb": False, "full": False, "lines": 480, **changes}
    return interpret(tags, **given)  # type: ignore[arg-type]


def test_what_the_stream_says_is_used() -> None:
    found = read(replace(BT709, matrix=6, primaries=6, range=2))
    assert (found.matrix, found.full, found.transfer, found.primaries) == ("bt601", True, "bt1886", "bt601_525")
    assert found.assumed == ()


@pytest.mark.parametrize(("lines", "matrix"), [(576, "bt601"), (720, "bt709"), (1080, "bt709")])
def test_what_it_does_not_say_is_assumed_and_told(lines: int, matrix: str) -> None:
    found = read(UNKNOWN, lines=lines)
    assert (found.matrix, found.full, found.transfer, found.primaries) == (matrix, False, "bt1886", "bt709")
    assert str(found).endswith("(matrix, range, transfer, primaries assumed)")


@pytest.mark.parametrize(("field", "number"), [("matrix", 8), ("primaries", 10), ("transfer", 8)])
def test_what_is_not_read_is_named(field: str, number: int) -> None:
    with pytest.raises(VideoError, match=f"number {number} of H.273"):
        read(replace(BT709, **{field: number}))


def test_light_of_a_bt1886_display_becomes_srgb_codes() -> None:
    codes = np.full((1, 1, 3), 0.5, np.float32)
    # 0.5 ** 2.4 = 0.18946; sRGB of it = 1.055 * 0.18946 ** (1 / 2.4) - 0.055 = 0.4725.
    np.testing.assert_allclose(read(BT709).to_srgb(codes), 0.4725, atol=1e-4)
    assert read(BT709, transfer="srgb").to_srgb(codes) is codes


def test_wider_primaries_are_brought_to_bt709_and_clipped() -> None:
    green = np.array([[[0.0, 1.0, 0.0]]], np.float32)
    np.testing.assert_allclose(read(replace(BT709, primaries=9, matrix=9)).to_srgb(green), [[[0, 1, 0]]], atol=1e-6)
    white = np.ones((1, 1, 3), np.float32)
    np.testing.assert_allclose(read(replace(BT709, primaries=12)).to_srgb(white), 1, atol=1e-5)
