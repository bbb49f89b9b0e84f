from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from mqn.errors import UsageError
from mqn.look.palette import SERIES
from mqn.report.figures.crops import Crop
from mqn.report.figures.strip import Strip, strip_sections, write_strips

RED, BLUE = (np.broadcast_to(np.float32(color), (16, 32, 3)) for color in ((1, 0, 0), (0, 0, 1)))


def strip(name="lamp", crop=None):
    blue = BLUE.copy()
    blue[4:8, 8:12] = 0  # black where the crop is
    return Strip(name=name, images=(RED, blue), captions=("", "Q 50.00"), crop=crop or Crop(x=8, y=4, size=4))


@pytest.mark.slow
def test_a_picture_shows_every_column_whole_and_cropped(tmp_path):
    write_strips(tmp_path / "one.png", "Title", "Note.", ("input", "truth"), [strip()])
    pixels = np.asarray(Image.open(tmp_path / "one.png").convert("RGB")).astype(int)
    cell = 2.3 * 160
    whole, crop = cell * cell / 2, cell * cell
    red, blue, black = ((pixels == color).all(axis=2).sum() for color in ((255, 0, 0), (0, 0, 255), (0, 0, 0)))
    assert red == pytest.approx(whole + crop, rel=0.03)  # The frame hides a part.
    assert blue == pytest.approx(whole * (1 - 16 / 512), rel=0.03)
    assert black == pytest.approx(crop, rel=0.05)
    write_strips(tmp_path / "two.png", "Title", "Note.", ("input", "truth"), [strip(), strip("sun")])
    assert Image.open(tmp_path / "two.png").height > 1.6 * pixels.shape[0]


def decoded(picture):
    return cv2.imdecode(np.frombuffer(picture.jpeg, np.uint8), cv2.IMREAD_COLOR)[..., ::-1].astype(int)


def test_a_page_has_a_card_of_whole_pictures_and_one_of_crops():
    (section,) = strip_sections(("input", "truth"), [strip()])
    whole, crop = section.blocks[0].cards
    assert section.title == "lamp"
    assert [picture.caption for picture in whole.pictures] == ["input", "truth: Q 50.00"]
    assert (crop.name, [picture.caption for picture in crop.pictures]) == (
        "crop of 4 x 4 pixels at 8, 4",
        ["input", "truth"],
    )
    shown = [decoded(one) for one in crop.pictures]
    assert shown[0][9, 9] == pytest.approx((255, 0, 0), abs=6)
    assert shown[1].max() < 10
    framed = decoded(whole.pictures[1])
    assert framed.shape == (16 * 13, 32 * 13, 3)
    frame = [int(SERIES[1][at : at + 2], 16) for at in (1, 3, 5)]
    assert framed[6 * 13, 8 * 13] == pytest.approx(frame, abs=60)


def test_a_picture_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(UsageError, match="cannot write"):
        write_strips(tmp_path / "no" / "one.png", "Title", "", ("input", "truth"), [strip()])
