"""Portable float maps as other programs write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mqn.errors import PictureError
from mqn.hdr.io.files import load, read


def _image() -> np.ndarray:
    return np.random.default_rng(0).random((6, 9, 3)).astype(np.float32)


def _file(path: Path, header: bytes, order: str = "<f4", image: np.ndarray | None = None) -> Path:
    values = _image() if image is None else image
    path.write_bytes(header + values[::-1].astype(order).tobytes())
    return path


@pytest.mark.parametrize(
    "header",
    [
        b"PF\n9 6\n-1.0\n",
        b"PF 9 6 -1 ",
        b"PF\n# by a program\n9 6\n-1.0\n",
        b"PF\n#one\n# two\n9\n# three\n6\n-1\n",
        b"PF # here\n9 6 # and here\n-1.0 # too\n",
        b"PF\r\n9 6\r\n-1.0\r\n",
        b"PF\r9 6\r-1.0\r",
        b"PF\n9 6\n-1.000000e+00 \n",
    ],
)
def test_headers_of_any_writing_are_read(tmp_path: Path, header: bytes) -> None:
    loaded = load(_file(tmp_path / "a.pfm", header))
    assert np.array_equal(loaded.image, _image())
    assert loaded.notes == ()


def test_the_sign_of_the_scale_is_the_order_of_bytes(tmp_path: Path) -> None:
    assert np.array_equal(read(_file(tmp_path / "a.pfm", b"PF\n9 6\n1.0\n", ">f4")), _image())


@pytest.mark.parametrize("first", [b"\n", b" ", b"\r"])
def test_one_byte_ends_the_header_whatever_the_first_float_begins_with(tmp_path: Path, first: bytes) -> None:
    image = _image()
    image[-1, 0, 0] = np.frombuffer(first + b"\0\0?", "<f4")[0]
    assert np.array_equal(read(_file(tmp_path / "a.pfm", b"PF\n9 6\n-1 ", image=image)), image)


def test_another_unit_is_told_and_not_applied(tmp_path: Path) -> None:
    loaded = load(_file(tmp_path / "a.pfm", b"PF\n9 6\n-2.5\n"))
    assert np.array_equal(loaded.image, _image())
    assert loaded.notes == ("states the unit 2.5, which is not applied: values are relative",)


def test_grey_is_refused_by_its_channels(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="has 1 channel; R, G and B are needed"):
        read(_file(tmp_path / "a.pfm", b"Pf\n#grey\n9 6\n-1.0\n", image=_image()[..., 0]))


def test_what_is_cut_short_says_so(tmp_path: Path) -> None:
    _file(tmp_path / "a.pfm", b"PF\n9 6\n-1.0\n")
    (tmp_path / "a.pfm").write_bytes((tmp_path / "a.pfm").read_bytes()[:-1])
    with pytest.raises(PictureError, match="9 x 6 pixels take 660 bytes or more, there are 659"):
        read(tmp_path / "a.pfm")


@pytest.mark.parametrize("header", [b"PF\n9 6\n0\n", b"PF\n9 6\n\n", b"PF\n9\n-1.0\n"])
def test_a_header_that_says_too_little_is_damaged(tmp_path: Path, header: bytes) -> None:
    with pytest.raises(PictureError, match=r"a\.pfm: (damaged|cut short)"):
        read(_file(tmp_path / "a.pfm", header))


def test_an_absurd_size_is_refused_before_any_pixel(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="at most 200 megapixels are read"):
        read(_file(tmp_path / "a.pfm", b"PF\n999999999999 999999\n-1.0\n"))
