"""JPEG's rarer processes, and what BMP and TIFF state of their colours: read, told, or refused by name."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from tests.hdr.icc_profiles import display_profile

from mqn.errors import PictureError
from mqn.hdr.io.files import load_ldr, read_ldr
from mqn.hdr.primaries import PRIMARIES, change_primaries
from mqn.hdr.transfer import srgb_decode, srgb_encode


def _jpeg(frame: int = 0xC0, bits: int = 8) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (16, 16), (200, 120, 60)).save(stream, "JPEG")
    data = bytearray(stream.getvalue())
    at = data.index(b"\xff\xc0")
    data[at + 1], data[at + 4] = frame, bits
    return bytes(data)


@pytest.mark.parametrize(
    ("frame", "bits", "what"),
    [
        (0xC1, 12, "12-bit"),
        (0xC2, 12, "12-bit"),
        (0xC3, 8, "lossless"),
        (0xC3, 16, "lossless"),
        (0xC5, 8, "hierarchical"),
        (0xCB, 8, "lossless"),
        (0xCE, 8, "hierarchical"),
    ],
)
def test_processes_of_jpeg_that_are_not_read_are_named(tmp_path: Path, frame: int, bits: int, what: str) -> None:
    (tmp_path / "a.jpg").write_bytes(_jpeg(frame, bits))
    with pytest.raises(PictureError, match=rf"a\.jpg: is a {what} JPEG, which is not supported"):
        read_ldr(tmp_path / "a.jpg")


def test_fill_bytes_before_a_frame_do_not_hide_it(tmp_path: Path) -> None:
    data = _jpeg(0xC1, 12)
    at = data.index(b"\xff\xc1")
    (tmp_path / "a.jpg").write_bytes(data[:at] + b"\xff\xff" + data[at:])
    with pytest.raises(PictureError, match="is a 12-bit JPEG, which is not supported"):
        read_ldr(tmp_path / "a.jpg")


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1", "AVIF"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\xff\x0a", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"\xff\x4f\xff\x51", "JPEG 2000"),
        (b"\xff\xd8\xff\xf7", "JPEG-LS"),
        (b"II\xbc\x01", "JPEG XR"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1", r"Canon raw \(CR3\)"),
        (b"8BPS\0\1", "Photoshop"),
    ],
)
def test_other_kinds_under_the_name_of_a_jpeg_are_named(tmp_path: Path, start: bytes, kind: str) -> None:
    (tmp_path / "a.jpg").write_bytes(start + bytes(200))
    with pytest.raises(PictureError, match=f"holds {kind} data, not JPEG as its suffix says; that is not supported"):
        read_ldr(tmp_path / "a.jpg")


def _bmp(space: bytes, endpoints: bytes = bytes(36), profile: bytes = b"") -> bytes:
    """A BMP of version 5, 4 x 4 pixels of one colour."""
    pixels = bytes([60, 120, 200]) * 16
    start = 14 + 124
    header = struct.pack("<IiiHHIIiiII", 124, 4, 4, 1, 24, 0, len(pixels), 2835, 2835, 0, 0) + bytes(16)
    header += space[::-1] + endpoints + bytes(12) + struct.pack("<4I", 4, 124 + len(pixels), len(profile), 0)
    return b"BM" + struct.pack("<IHHI", start + len(pixels) + len(profile), 0, 0, start) + header + pixels + profile


def _endpoints(name: str) -> bytes:
    given = PRIMARIES[name]
    numbers = [part for x, y in (given.red, given.green, given.blue) for part in (x, y, 1 - x - y)]
    return struct.pack("<9i", *(round(number * 2**30) for number in numbers))


def test_a_profile_in_a_bmp_is_obeyed(tmp_path: Path) -> None:
    (tmp_path / "a.bmp").write_bytes(_bmp(b"MBED", profile=display_profile("p3", 2.2)))
    linear = change_primaries((np.array([200, 120, 60]) / 255) ** 2.2, "p3", "bt709")
    loaded = load_ldr(tmp_path / "a.bmp")
    assert loaded.image[1, 1] == pytest.approx(srgb_encode(linear), abs=2e-3)
    assert loaded.notes == (f"its colours are brought from {loaded.colours} to sRGB",)


@pytest.mark.parametrize(
    ("space", "endpoints", "told"),
    [
        (b"sRGB", bytes(36), ""),
        (b"Win ", bytes(36), ""),
        (bytes(4), bytes(36), ""),
        (bytes(4), _endpoints("bt709"), ""),
        (bytes(4), _endpoints("adobe_rgb"), "states calibrated colours, which are not applied"),
        (b"LINK", bytes(36), "its colour profile lies in another file and is not applied"),
    ],
)
def test_what_a_bmp_states_else_is_srgb_or_told(tmp_path: Path, space: bytes, endpoints: bytes, told: str) -> None:
    (tmp_path / "a.bmp").write_bytes(_bmp(space, endpoints))
    loaded = load_ldr(tmp_path / "a.bmp")
    assert loaded.image[1, 1] * 255 == pytest.approx([200, 120, 60])
    assert len(loaded.notes) == bool(told)
    assert told in "".join(loaded.notes)


def test_tags_of_primaries_in_a_tiff_are_obeyed(tmp_path: Path) -> None:
    numbers = [part for number in PRIMARIES["p3"].chromaticities for part in (round(number * 10_000), 10_000)]
    tags = [(319, "2I", 6, numbers[:12], True), (318, "2I", 2, numbers[12:], True), (301, "H", 3, (0, 1, 2), True)]
    codes = np.tile(np.array([200, 120, 60], np.uint8), (8, 12, 1))
    tifffile.imwrite(tmp_path / "a.tif", codes, photometric="rgb", extratags=tags)
    linear = change_primaries(srgb_decode(np.array([200, 120, 60]) / 255), "p3", "bt709")
    loaded = load_ldr(tmp_path / "a.tif")
    assert loaded.image[3, 4] == pytest.approx(srgb_encode(linear), abs=1e-4)
    assert loaded.colours == "p3"
    assert "its TransferFunction is not applied" in loaded.notes


@pytest.mark.parametrize("full_range", [0, 1])
def test_a_heic_states_its_colours_by_number_too(tmp_path: Path, full_range: int) -> None:
    import pillow_heif

    codes = np.tile(np.array([204, 153, 128], np.uint8), (64, 64, 1))
    linear = srgb_decode(np.array([204, 153, 128]) / 255)
    expected = {
        (1, 13): srgb_encode(linear),
        (12, 13): srgb_encode(change_primaries(linear, "p3", "bt709")),
        (1, 8): srgb_encode(np.array([204, 153, 128]) / 255),
        (1, 17): None,
    }
    for (primaries, transfer), colour in expected.items():
        file = pillow_heif.from_bytes("RGB", (64, 64), codes.tobytes())
        stated = {"color_primaries": primaries, "transfer_characteristics": transfer, "full_range_flag": full_range}
        file.save(tmp_path / "a.heic", quality=-1, chroma=444, matrix_coefficients=1, **stated)
        if colour is None:
            with pytest.raises(PictureError, match=r"number 17 of H\.273, which is not supported"):
                read_ldr(tmp_path / "a.heic")
        else:
            assert read_ldr(tmp_path / "a.heic")[6, 6] == pytest.approx(colour, abs=0.012)


def test_a_profile_in_a_heic_holds_before_its_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pillow_heif

    file = pillow_heif.from_bytes("RGB", (64, 64), bytes((204, 153, 128)) * 4096)
    file.save(tmp_path / "a.heic", quality=-1, chroma=444, icc_profile=display_profile("p3", 2.2))
    expected, opened, stated = read_ldr(tmp_path / "a.heic"), pillow_heif.open_heif, {"color_primaries": 1}

    def with_numbers(*given: object, **options: object) -> object:
        found = opened(*given, **options)
        found.info["nclx_profile"] = {**stated, "transfer_characteristics": transfer}
        return found

    monkeypatch.setattr(pillow_heif, "open_heif", with_numbers)
    transfer = 13
    assert np.array_equal(read_ldr(tmp_path / "a.heic"), expected)
    assert load_ldr(tmp_path / "a.heic").colours != "sRGB"
    transfer = 16
    with pytest.raises(PictureError, match="is an HDR picture"):
        read_ldr(tmp_path / "a.heic")


@pytest.mark.slow
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "jpeg"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_luma_and_chroma_in_a_tiff_become_rgb(tmp_path: Path, compression: str, orientation: int) -> None:
    codes = np.full((16, 32, 3), 60, np.uint8)
    codes[:8, :16] = (200, 120, 60)
    picture, tags = Image.fromarray(codes), {274: orientation}
    quality = {"quality": 100} if compression == "jpeg" else {}
    picture.save(tmp_path / "rgb.tif", tiffinfo=tags)
    picture.convert("YCbCr").save(tmp_path / "a.tif", tiffinfo=tags, compression=compression, **quality)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.pages[0].photometric == tifffile.PHOTOMETRIC.YCBCR
    assert read_ldr(tmp_path / "a.tif") == pytest.approx(read_ldr(tmp_path / "rgb.tif"), abs=0.02)


def test_luma_and_chroma_of_more_bits_are_not_supported(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((8, 8, 3), np.uint16), photometric="ycbcr")
    with pytest.raises(PictureError, match="holds YCbCr values of 16 bits, which is not supported"):
        read_ldr(tmp_path / "a.tif")


def test_a_thumbnail_is_not_the_picture_of_a_tiff(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(np.zeros((4, 4, 3), np.uint8), photometric="rgb", subfiletype=1)
        file.write(np.full((8, 12, 3), 255, np.uint8), photometric="rgb")
    loaded = load_ldr(tmp_path / "a.tif")
    assert np.array_equal(loaded.image, np.ones((8, 12, 3)))
    assert loaded.notes == ("page 2 of 2",)


def test_a_gain_map_by_the_standard_is_told(tmp_path: Path) -> None:
    data, words = _jpeg(), b"urn:iso:std:iso:ts:21496:-1\0" + bytes(4)
    (tmp_path / "a.jpg").write_bytes(data[:2] + b"\xff\xe2" + struct.pack(">H", len(words) + 2) + words + data[2:])
    assert "its gain map is not applied" in load_ldr(tmp_path / "a.jpg").notes[0]
