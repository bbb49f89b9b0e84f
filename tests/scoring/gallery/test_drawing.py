"""A gallery as arrays, as PNG and as a page, of views made by hand."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from mqn.errors import UsageError
from mqn.scoring.gallery.drawing import OVER, UNDER, crop, difference_map, framed, region_words, regions
from mqn.scoring.gallery.page import write_gallery_page
from mqn.scoring.gallery.regions import Region
from mqn.scoring.gallery.sheet import write_gallery_png
from mqn.scoring.gallery.views import Column, View

NAME = "a <b> & $x$.exr"
GREY = np.full((40, 48, 3), 0.5, np.float32)


@pytest.fixture
def view() -> View:
    method = Column(name="<peer>", image=GREY, quality=45.25, differences=np.full((40, 48), 10.0))
    return View(
        name=NAME,
        condition="camera:over",
        columns=(Column(name="input", image=GREY), method, Column(name="truth", image=GREY)),
        over=Region(top=4, left=6, side=10, share=0.98),
        under=None,
    )


def test_a_frame_stands_on_the_border_of_its_square(view: View) -> None:
    drawn = framed(view, GREY)
    changed = np.argwhere((drawn != GREY).any(-1))
    assert (changed.min(0).tolist(), changed.max(0).tolist()) == ([4, 6], [13, 15])
    assert GREY.min() == GREY.max() == 0.5  # What was given is left as it is.
    assert [color for _, color in regions(view)] == [OVER]


def test_a_crop_is_enlarged_by_a_whole_number(view: View) -> None:
    image = np.zeros((40, 48, 3), np.float32)
    image[4, 6] = 1.0
    enlarged = crop(image, view.over, UNDER)
    assert enlarged.shape == (248, 248, 3)  # 10 pixels, 24 times, and a frame of 4.
    assert (enlarged[4:28, 4:28] == 1).all()
    assert enlarged[28:244, 28:244].max() == 0


def test_maps_are_logarithmic_from_what_is_just_noticeable() -> None:
    black, middle, bright = difference_map(np.array([[0.0, 1.0, 10.0, 100.0, 1e6]]))[0][[1, 2, 3]]
    assert black.max() < 0.02
    assert black.sum() < middle.sum() < bright.sum()
    np.testing.assert_array_equal(difference_map(np.array([[0.0, 1e6]])), difference_map(np.array([[1.0, 100.0]])))


def test_the_words_say_where_nothing_is_lost(view: View) -> None:
    assert region_words(view) == "over-exposed 98 % of the square, nothing under-exposed"


def test_a_png_has_a_row_for_each_picture(view: View, tmp_path: Path) -> None:
    for count in (1, 2):
        write_gallery_png([view] * count, tmp_path / f"{count}.png", "title")
    one, two = (cv2.imread(str(tmp_path / name)) for name in ("1.png", "2.png"))
    assert one.shape[1] == two.shape[1]
    assert two.shape[0] > 1.5 * one.shape[0]
    with pytest.raises(UsageError, match="cannot write"):
        write_gallery_png([view], tmp_path / "absent" / "a.png", "title")


def test_a_page_holds_every_picture_and_escapes_names(view: View, tmp_path: Path) -> None:
    write_gallery_page([view], tmp_path / "a.html", "title")
    page = (tmp_path / "a.html").read_text()
    # Three wholes, a crop of each, and the method's map between input and truth.
    assert page.count("<img") == 3 + 3 + 3
    assert page.count("data:image/jpeg;base64,") == 9
    assert page.count("<figcaption>") == 3
    assert "&lt;peer&gt;: Q 45.2" in page
    assert "&lt;peer&gt;" in page
    assert "<peer>" not in page
    assert "<script" not in page
