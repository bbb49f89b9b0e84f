"""Radiance pictures as other programs write them: headers, orientations, run lengths, colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mqn.errors import PictureError
from mqn.hdr.io.files import load, read
from mqn.hdr.primaries import PRIMARIES

HEIGHT, WIDTH = 10, 12
FORMAT = b"FORMAT=32-bit_rle_rgbe\n"


def _rgbe() -> np.ndarray:
    """(10, 12, 4): each pixel unlike the others, in four exponents."""
    codes = np.random.default_rng(0).integers(128, 256, (HEIGHT, WIDTH, 4)).astype(np.uint8)
    codes[..., 3] = 127 + np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH) % 4
    return codes


def _light(codes: np.ndarray) -> np.ndarray:
    return np.ldexp(codes[..., :3].astype(np.float64), codes[..., 3:].astype(int) - 136)


def _file(path: Path, *, lines: bytes = FORMAT, size: bytes = b"-Y 10 +X 12\n", pixels: bytes | None = None) -> Path:
    path.write_bytes(b"#?RADIANCE\n" + lines + b"\n" + size + (_rgbe().tobytes() if pixels is None else pixels))
    return path


def _newer(codes: np.ndarray) -> bytes:
    """Lines in the newer code, in literals of at most 5 values and, where a value repeats, in runs."""
    data = b""
    for line in codes:
        data += bytes([2, 2, len(line) >> 8, len(line) & 255])
        for channel in line.T:
            if (channel == channel[0]).all():
                data += bytes([128 + len(channel), channel[0]])
            else:
                for at in range(0, len(channel), 5):
                    data += bytes([len(channel[at : at + 5])]) + channel[at : at + 5].tobytes()
    return data


def _older(codes: np.ndarray) -> bytes:
    """Pixels in the older code: what repeats is counted in marks of 256 to the power of 0, 1, ..."""
    data, pixels = b"", codes.reshape(-1, 4)
    at = 0
    while at < len(pixels):
        count = 1
        while at + count < len(pixels) and (pixels[at + count] == pixels[at]).all():
            count += 1
        data += pixels[at].tobytes()
        rest = count - 1
        while rest:
            data += bytes([1, 1, 1, rest & 255])
            rest >>= 8
        at += count
    return data


@pytest.mark.parametrize("pixels", [_rgbe().tobytes(), _newer(_rgbe()), _older(_rgbe())])
def test_plain_pixels_and_both_run_lengths_are_one_picture(tmp_path: Path, pixels: bytes) -> None:
    loaded = load(_file(tmp_path / "a.hdr", pixels=pixels))
    assert np.array_equal(loaded.image, _light(_rgbe()))
    assert loaded.notes == ()


@pytest.mark.parametrize("code", [_newer, _older])
def test_runs_are_repeated(tmp_path: Path, code: object) -> None:
    codes = _rgbe()
    codes[3:6] = codes[3, 0]
    codes[7, 2:9] = codes[7, 2]
    assert np.array_equal(read(_file(tmp_path / "a.hdr", pixels=code(codes))), _light(codes))  # type: ignore[operator]


def test_codes_may_change_from_line_to_line(tmp_path: Path) -> None:
    codes = _rgbe()
    codes[5] = codes[5, 0]
    mixed = b"".join([_newer(codes[:3]), _older(codes[3:6]), codes[6:8].tobytes(), _newer(codes[8:])])
    assert np.array_equal(read(_file(tmp_path / "a.hdr", pixels=mixed)), _light(codes))


@pytest.mark.slow
@pytest.mark.parametrize("width", [1, 7, 8, 300, 32767, 32768, 70000])
def test_older_runs_reach_any_width(tmp_path: Path, width: int) -> None:
    codes = np.empty((2, width, 4), np.uint8)
    codes[:] = (200, 150, 130, 129)
    codes[1] = (130, 150, 200, 127)
    size = f"-Y 2 +X {width}\n".encode()
    pixels = b"".join(_older(line[None]) for line in codes)
    assert np.array_equal(read(_file(tmp_path / "a.hdr", size=size, pixels=pixels)), _light(codes))


def _stored(codes: np.ndarray, order: str) -> np.ndarray:
    """An upright picture as a file of some orientation holds it."""
    first, second = order.split()
    rows = codes if "-Y" in order else codes[::-1]
    rows = rows if "+X" in order else rows[:, ::-1]
    return rows if first[1] == "Y" and second[1] == "X" else np.swapaxes(rows, 0, 1)


@pytest.mark.parametrize("order", ["-Y +X", "-Y -X", "+Y +X", "+Y -X", "+X -Y", "+X +Y", "-X -Y", "-X +Y"])
@pytest.mark.parametrize("code", [np.ndarray.tobytes, _newer])
def test_all_eight_orientations_are_the_same_picture(tmp_path: Path, order: str, code: object) -> None:
    first, second = order.split()
    sides = {"X": WIDTH, "Y": HEIGHT}
    size = f"{first} {sides[first[1]]} {second} {sides[second[1]]}\n".encode()
    pixels = code(np.ascontiguousarray(_stored(_rgbe(), order)))  # type: ignore[operator]
    loaded = load(_file(tmp_path / "a.hdr", size=size, pixels=pixels))
    assert np.array_equal(loaded.image, _light(_rgbe()))
    assert loaded.notes == (() if order == "-Y +X" else (f"its lines are stored as {order} and turned upright",))


@pytest.mark.parametrize(
    ("lines", "size"),
    [
        *((b"VIEW= -vtv " + b"x" * (length - 11) + b"\n" + FORMAT, b"-Y 10 +X 12\n") for length in (126, 127, 128)),
        *(
            (b"#" + b"x" * (length - 1) + b"\n" + FORMAT, b"-Y 10 +X 12\n")
            for length in (254, 255, 256, 5000, 2_000_000)
        ),
        (b"", b"-Y 10 +X 12\n"),
        (b"FORMAT= 32-bit_rle_rgbe \n", b"-Y  10\t+X   12 \n"),
        (FORMAT.replace(b"\n", b"\r\n") + b"\r", b"-Y 10 +X 12\r\n"),
        (b"# a comment\nrpict -vp 0 0 0 scene.oct\n" + FORMAT + b"\n", b"-Y 10 +X 12\n"),
        # What a picture was made of stands there indented; it was undone when this one was made.
        (b"pcomb a.hdr\n\tPRIMARIES=0.708 0.292 0.170 0.797 0.131 0.046 0.3127 0.3290\n" + FORMAT, b"-Y 10 +X 12\n"),
    ],
)
def test_headers_of_any_writing_are_read(tmp_path: Path, lines: bytes, size: bytes) -> None:
    loaded = load(_file(tmp_path / "a.hdr", lines=lines, size=size))
    assert np.array_equal(loaded.image, _light(_rgbe()))
    assert loaded.notes == ()


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        (b"0.708 0.292 0.170 0.797 0.131 0.046 0.3127 0.3290", (47.33, 28.84, 18.63)),
        # ProPhoto as ImageMagick writes it, its white D50.
        (b"0.7347 0.2653 0.1596 0.8404 0.0366 0.0001 0.3457 0.3585", (53.41, 27.74, 18.30)),
        # Radiance's own, with the white of equal energy: white stays white.
        (b"0.640 0.330 0.290 0.600 0.150 0.060 0.3333 0.3333", None),
    ],
)
def test_stated_primaries_are_obeyed(tmp_path: Path, stated: bytes, expected: tuple[float, ...] | None) -> None:
    codes = np.empty((HEIGHT, WIDTH, 4), np.uint8)
    codes[:] = (160, 120, 80, 134) if expected else (160, 160, 160, 134)
    lines = b"PRIMARIES=" + stated + b"\n" + FORMAT
    loaded = load(_file(tmp_path / "a.hdr", lines=lines, pixels=codes.tobytes()))
    assert loaded.image[3, 4] == pytest.approx(expected or (40, 40, 40), rel=1e-3)
    assert "brought from" in loaded.notes[-1]


def test_bt709_stated_or_zeros_change_nothing(tmp_path: Path) -> None:
    numbers = " ".join(str(number) for number in PRIMARIES["bt709"].chromaticities)
    loaded = load(_file(tmp_path / "a.hdr", lines=b"PRIMARIES=" + numbers.encode() + b"\n" + FORMAT))
    assert np.array_equal(loaded.image, _light(_rgbe()))
    assert loaded.notes == ()
    loaded = load(_file(tmp_path / "a.hdr", lines=b"PRIMARIES=0 0 0 0 0 0 0 0\n" + FORMAT))
    assert np.array_equal(loaded.image, _light(_rgbe()))
    assert loaded.notes == ("its PRIMARIES are all 0; its colours are taken for BT.709",)


def test_gamma_and_colour_corrections_are_undone_and_told(tmp_path: Path) -> None:
    lines = b"GAMMA=2.2\nCOLORCORR=2 1 0.5\nCOLORCORR=1 1 2\n" + FORMAT
    loaded = load(_file(tmp_path / "a.hdr", lines=lines))
    assert loaded.image == pytest.approx(_light(_rgbe()) ** 2.2 / [2, 1, 1], rel=1e-5)
    assert loaded.notes == ("its GAMMA of 2.2 is undone", "its COLORCORR of 2 1 1 is undone")
    loaded = load(_file(tmp_path / "a.hdr", lines=b"GAMMA=1.0\nCOLORCORR=1 1 1\n" + FORMAT))
    assert np.array_equal(loaded.image, _light(_rgbe()))
    assert loaded.notes == ()


def test_exposure_and_aspect_are_told_and_not_applied(tmp_path: Path) -> None:
    lines = b"EXPOSURE=2\nEXPOSURE=1.5\nPIXASPECT=0.5\n" + FORMAT
    loaded = load(_file(tmp_path / "a.hdr", lines=lines))
    assert np.array_equal(loaded.image, _light(_rgbe()))
    assert loaded.notes == (
        "its EXPOSURE of 3 is not applied: values are relative",
        "its pixels are 0.5 times as high as wide, and kept as they are",
    )


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (b"FORMAT=32-bit_rle_xyze\n", "holds XYZ, which is not supported"),
        (b"FORMAT=ascii\n", "its FORMAT 'ascii' is not supported"),
        (b"NCOMP=9\n" + FORMAT, "is a spectral picture, which is not supported"),
        (b"GAMMA=0.45\n" + FORMAT, "its GAMMA '0.45' is not supported"),
        (b"GAMMA=x\n" + FORMAT, "its GAMMA 'x' is not supported"),
        (b"COLORCORR=1 0 1\n" + FORMAT, "its COLORCORR has no three positive factors"),
        (b"COLORCORR=1e-300 1 1\n" + FORMAT, "values are NaN, infinite or beyond float32"),
        (b"PRIMARIES=0.64 0.33 0.3\n" + FORMAT, "are no primaries and white; its colours cannot be known"),
        (b"PRIMARIES=red\n" + FORMAT, "are no primaries and white; its colours cannot be known"),
        (b"PRIMARIES=.6 .3 .6 .3 .6 .3 .3 .3\n" + FORMAT, "are no primaries and white"),
    ],
)
def test_what_cannot_be_obeyed_is_refused_by_name(tmp_path: Path, lines: bytes, reason: str) -> None:
    with pytest.raises(PictureError, match=reason) as raised:
        read(_file(tmp_path / "a.hdr", lines=lines))
    assert "damaged" not in str(raised.value)


@pytest.mark.parametrize(
    ("pixels", "length", "whole"),
    # 43 bytes are three lines of plain pixels and one pixel less; a third of the newer code is three lines.
    [(_rgbe().tobytes(), 188, 3), (_newer(_rgbe()), 250, 3), (_older(_rgbe()), 479, 9)],
)
def test_what_is_cut_short_says_how_much_is_there(tmp_path: Path, pixels: bytes, length: int, whole: int) -> None:
    with pytest.raises(PictureError, match=f"a.hdr: cut short, {whole} of its 10 lines are whole"):
        read(_file(tmp_path / "a.hdr", pixels=pixels[:length]))


def test_runs_that_pass_their_line_are_damage(tmp_path: Path) -> None:
    newer, older = bytearray(_newer(_rgbe())), bytes([200, 150, 130, 129, 1, 1, 1, 200])
    newer[4] = 128 + 13
    for pixels in (bytes(newer), older * 30, bytes([1, 1, 1, 9]) * 200, bytes([2, 2, 0, 99]) * 200):
        with pytest.raises(PictureError, match=r"a\.hdr: damaged, line 1 of 10"):
            read(_file(tmp_path / "a.hdr", pixels=pixels))


@pytest.mark.parametrize("size", [b"-Y 10 +Y 12\n", b"-Y 10\n", b"10 12\n", b"-Y 10 +X 12"])
def test_a_header_without_a_size_is_damaged(tmp_path: Path, size: bytes) -> None:
    with pytest.raises(PictureError, match="its header names no size"):
        read(_file(tmp_path / "a.hdr", size=size, pixels=b""))


@pytest.mark.parametrize("size", ["-Y 99999 +X 99999", "+X 123456789012 -Y 3"])
def test_an_absurd_size_is_refused_before_any_pixel(tmp_path: Path, size: str) -> None:
    with pytest.raises(PictureError, match="at most 200 megapixels are read"):
        read(_file(tmp_path / "a.hdr", size=size.encode() + b"\n", pixels=bytes(64)))
