"""Every kind of LDR file: its bits, channels, turn, and what is told about it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from mqn.errors import PictureError
from mqn.hdr.io.files import LDR_SUFFIXES, load_ldr, read_ldr, write_png


def _codes() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (16, 24, 3)).astype(np.uint8)


def test_every_kind_is_known() -> None:
    assert set(LDR_SUFFIXES) == {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".heic", ".heif", ".webp", ".bmp"}


@pytest.mark.parametrize(
    ("name", "kind", "options"),
    [
        ("a.png", "PNG", {}),
        ("a.tif", "TIFF", {}),
        ("a.tiff", "TIFF", {"compression": "tiff_lzw"}),
        ("b.tif", "TIFF", {"compression": "tiff_adobe_deflate"}),
        ("a.webp", "WebP", {"lossless": True}),
        ("a.bmp", "BMP", {}),
    ],
)
def test_lossless_kinds_come_back_exactly(tmp_path: Path, name: str, kind: str, options: dict[str, object]) -> None:
    Image.fromarray(_codes()).save(tmp_path / name, **options)
    loaded = load_ldr(tmp_path / name)
    assert np.array_equal(loaded.image, _codes().astype(np.float32) / np.float32(255))
    assert (loaded.kind, loaded.bits, loaded.was_grey, loaded.had_alpha) == (kind, 8, False, False)
    assert (loaded.orientation, loaded.colours, loaded.notes) == (1, "sRGB, untagged", ())


def _save_heic(path: Path, codes: np.ndarray, mode: str) -> None:
    import pillow_heif

    height, width = codes.shape[:2]
    heif = pillow_heif.from_bytes(mode, (width, height), codes.tobytes())
    heif.save(path, quality=-1, chroma=444, matrix_coefficients=0)


def test_heic_keeps_ten_bits(tmp_path: Path) -> None:
    ramp = np.broadcast_to((np.arange(64) * 64 + 512).astype(np.uint16)[None, :, None], (64, 64, 3)).copy()
    _save_heic(tmp_path / "a.heic", ramp, "RGB;16")
    loaded = load_ldr(tmp_path / "a.heic")
    assert (loaded.kind, loaded.bits) == ("HEIF", 10)
    # 64 codes of 16 bits are one of ten: neighbours differ.
    assert loaded.image[0, :, 0] * 1023 == pytest.approx(np.arange(64) + 8, abs=1e-3)


def test_heic_of_eight_bits_reaches_black_and_white(tmp_path: Path) -> None:
    codes = np.zeros((32, 64, 3), np.uint8)
    codes[:, 32:] = 255
    _save_heic(tmp_path / "a.heif", codes, "RGB")
    loaded = load_ldr(tmp_path / "a.heif")
    assert loaded.bits == 8
    assert np.array_equal(loaded.image, codes.astype(np.float32) / np.float32(255))


def test_tiff_of_16_bits_and_lzw_keeps_them(tmp_path: Path) -> None:
    codes = np.random.default_rng(0).integers(0, 65536, (16, 24, 3)).astype(np.uint16)
    for name, options in {"a.tif": {}, "b.tif": {"predictor": True}, "c.tif": {"tile": (16, 16)}}.items():
        tifffile.imwrite(tmp_path / name, codes, photometric="rgb", compression="lzw", **options)
        loaded = load_ldr(tmp_path / name)
        assert loaded.bits == 16
        assert np.array_equal(loaded.image, codes.astype(np.float32) / np.float32(65535))


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.bmp"])
def test_one_bit_becomes_black_and_white(tmp_path: Path, name: str) -> None:
    picture = Image.new("1", (12, 8))
    picture.putpixel((3, 2), 1)
    picture.save(tmp_path / name)
    loaded = load_ldr(tmp_path / name)
    assert loaded.was_grey
    assert loaded.image[2, 3].tolist() == [1, 1, 1]
    assert loaded.image.sum() == 3


def test_tiff_may_count_from_white(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.full((8, 12), 55, np.uint8), photometric="miniswhite")
    assert read_ldr(tmp_path / "a.tif") * 255 == pytest.approx(np.full((8, 12, 3), 200))


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.bmp"])
def test_palettes_are_looked_up(tmp_path: Path, name: str) -> None:
    picture = Image.new("P", (12, 8), 1)
    picture.putpalette([0, 0, 0, 200, 120, 60])
    picture.save(tmp_path / name)
    loaded = load_ldr(tmp_path / name)
    assert loaded.image[4, 6] * 255 == pytest.approx([200, 120, 60], abs=0.01)
    assert not loaded.was_grey


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.webp"])
def test_alpha_is_dropped_and_the_colours_below_stay(tmp_path: Path, name: str) -> None:
    options = {"lossless": True, "exact": True} if name == "a.webp" else {}
    Image.new("RGBA", (12, 8), (200, 120, 60, 0)).save(tmp_path / name, **options)
    loaded = load_ldr(tmp_path / name)
    assert loaded.had_alpha
    assert loaded.image[4, 6] * 255 == pytest.approx([200, 120, 60])


def test_grey_of_16_bits_with_alpha(tmp_path: Path) -> None:
    import imagecodecs

    codes = np.full((8, 12, 2), (1000, 65535), np.uint16)
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(codes))
    loaded = load_ldr(tmp_path / "a.png")
    assert (loaded.bits, loaded.was_grey, loaded.had_alpha) == (16, True, True)
    assert loaded.image == pytest.approx(np.full((8, 12, 3), 1000 / 65535), abs=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_upright(tmp_path: Path, name: str, orientation: int) -> None:
    from PIL import ImageOps

    # Four corners unlike each other: Pillow turns them as the standard says.
    codes = np.zeros((16, 32, 3), np.uint8)
    codes[:8, :16, 0], codes[:8, 16:, 1], codes[8:, :16, 2] = 255, 255, 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if name == "a.webp" else {"quality": 100, "subsampling": 0} if name == "a.jpg" else {}
    Image.fromarray(codes).save(tmp_path / name, exif=exif, **options)
    loaded = load_ldr(tmp_path / name)
    stored = Image.fromarray(codes)
    stored.getexif()[0x0112] = orientation
    expected = np.asarray(ImageOps.exif_transpose(stored), np.float32) / 255
    assert loaded.orientation == orientation
    assert loaded.image == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize(("name", "format_name", "kind"), [("a.jpg", "PNG", "PNG"), ("a.png", "JPEG", "JPEG")])
def test_content_goes_before_suffix_and_is_told(tmp_path: Path, name: str, format_name: str, kind: str) -> None:
    Image.new("RGB", (12, 8), (200, 120, 60)).save(tmp_path / name, format_name)
    loaded = load_ldr(tmp_path / name)
    assert loaded.kind == kind
    assert loaded.notes == (f"holds {kind} data, not {'JPEG' if kind == 'PNG' else 'PNG'} as its suffix says",)
    assert loaded.image[4, 6] * 255 == pytest.approx([200, 120, 60], abs=3)


def test_what_is_not_read_is_named(tmp_path: Path) -> None:
    stream = io.BytesIO()
    Image.new("L", (12, 8)).save(stream, "GIF")
    (tmp_path / "a.png").write_bytes(stream.getvalue())
    with pytest.raises(PictureError, match=r"a\.png: holds GIF data, not PNG as its suffix says"):
        read_ldr(tmp_path / "a.png")


def test_floats_and_other_colours_are_no_ldr_picture(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.ones((8, 12, 3), np.float32), photometric="rgb")
    with pytest.raises(PictureError, match="holds float32 values; an LDR picture holds integers"):
        read_ldr(tmp_path / "a.tif")
    tifffile.imwrite(tmp_path / "b.tif", np.ones((8, 12, 3), np.uint8), photometric="cielab")
    with pytest.raises(PictureError, match="holds CIELAB values; grey, RGB or CMYK are read"):
        read_ldr(tmp_path / "b.tif")


def test_strips_that_are_missing_are_not_black(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.ones((16, 12, 3), np.uint8), photometric="rgb", rowsperstrip=8)
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+b") as file:
        file.pages[0].tags[279].overwrite([288, 0])
    with pytest.raises(PictureError, match="1 of its 2 strips or tiles are there"):
        read_ldr(tmp_path / "a.tif")


def test_cut_cmyk_is_not_filled_up_with_grey(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 4)).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise, "CMYK").save(stream, "JPEG")
    data = stream.getvalue()
    (tmp_path / "a.jpg").write_bytes(data[: len(data) // 2] + b"\xff\xd9")
    with pytest.raises(PictureError, match=r"a\.jpg: cut short"):
        read_ldr(tmp_path / "a.jpg")


def test_long_and_small_pictures_go_out_and_in(tmp_path: Path) -> None:
    for shape in ((1, 1, 3), (1, 10_000, 3), (10_000, 1, 3)):
        image = np.random.default_rng(0).integers(0, 65536, shape).astype(np.float32) / np.float32(65535)
        write_png(tmp_path / "a.png", image, bits=16)
        assert np.array_equal(read_ldr(tmp_path / "a.png"), image)
