"""TIFF files of light: profiles, tags, widths of floats, LogLuv."""

from __future__ import annotations

import struct
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from tests.hdr.icc_profiles import cmyk_profile, display_profile

from mqn.errors import PictureError
from mqn.hdr.io.files import load, read
from mqn.hdr.primaries import PRIMARIES, change_primaries, to_xyz
from mqn.hdr.transfer import srgb_encode


def _light() -> np.ndarray:
    image = np.full((8, 12, 3), (0.5, 0.4, 0.3), np.float32)
    image[2, 2] = (40, 30, 20)
    return image


def _file(path: Path, pixels: np.ndarray, profile: bytes | None = None, **options: object) -> Path:
    tifffile.imwrite(path, pixels, photometric="rgb", iccprofile=profile, **options)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("gamma", [1.0, 1.8, 563 / 256])
@pytest.mark.parametrize("name", ["bt2020", "p3", "adobe_rgb", "prophoto", "acescg", "aces2065_1"])
def test_a_profile_is_obeyed_also_beyond_one(tmp_path: Path, name: str, gamma: float) -> None:
    encoded = change_primaries(_light().astype(np.float64), "bt709", name) ** (1 / gamma)
    loaded = load(_file(tmp_path / "a.tif", encoded.astype(np.float32), display_profile(name, gamma)))
    assert loaded.image == pytest.approx(_light(), rel=2e-3)
    [note] = loaded.notes
    assert note.endswith("to linear BT.709")


def _tabulated(profile: bytes, curve: np.ndarray) -> bytes:
    """A profile whose three curves are tables instead of functions."""
    count = struct.unpack_from(">I", profile, 128)[0]
    table = b"curv\0\0\0\0" + struct.pack(">I", len(curve)) + np.rint(curve * 65535).astype(">u2").tobytes()
    changed = bytearray(profile + bytes(-len(profile) % 4))
    for index in range(count):
        at = 132 + 12 * index
        if changed[at + 1 : at + 4] == b"TRC":
            struct.pack_into(">2I", changed, at + 4, len(profile) + -len(profile) % 4, len(table))
    changed += table + bytes(-len(table) % 4)
    struct.pack_into(">I", changed, 0, len(changed))
    return bytes(changed)


def test_srgb_is_undone_as_a_function_and_as_a_table(tmp_path: Path) -> None:
    encoded = srgb_encode(_light())
    function = bytes(imagecodecs.cms_profile("srgb"))
    codes = np.linspace(0, 1, 1024)
    table = _tabulated(function, np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4))
    for profile in (function, table):
        loaded = load(_file(tmp_path / "a.tif", encoded, profile))
        assert loaded.image == pytest.approx(_light(), rel=5e-3)
        assert len(loaded.notes) == 1


def test_a_power_as_a_table_goes_on_beyond_one(tmp_path: Path) -> None:
    profile = _tabulated(display_profile("p3", 2.2), np.linspace(0, 1, 1024) ** 2.2)
    encoded = change_primaries(_light(), "bt709", "p3") ** (1 / 2.2)
    assert read(_file(tmp_path / "a.tif", encoded, profile)) == pytest.approx(_light(), rel=5e-3)


def test_a_table_of_no_known_curve_is_refused_beyond_one_only(tmp_path: Path) -> None:
    codes = np.linspace(0, 1, 1024)
    profile = _tabulated(display_profile("p3", 2.2), codes**2 * (3 - 2 * codes))
    with pytest.raises(PictureError, match="says nothing of values beyond 1, and its go up to 40"):
        read(_file(tmp_path / "a.tif", _light(), profile))
    half = np.full((8, 12, 3), 0.5, np.float32)
    assert read(_file(tmp_path / "b.tif", half, profile)) == pytest.approx(half, rel=2e-3)


def test_linear_bt709_stays_bit_by_bit(tmp_path: Path) -> None:
    image = np.random.default_rng(0).random((8, 12, 3)).astype(np.float32) * 100
    loaded = load(_file(tmp_path / "a.tif", image, display_profile("bt709", 1.0)))
    assert np.array_equal(loaded.image, image)
    assert loaded.notes == ()


@pytest.mark.parametrize("profile", [b"no profile" * 30, cmyk_profile()])
def test_a_profile_that_cannot_be_used_is_told(tmp_path: Path, profile: bytes) -> None:
    loaded = load(_file(tmp_path / "a.tif", _light(), profile))
    assert np.array_equal(loaded.image, _light())
    assert loaded.notes == ("its colour profile is damaged or not for R, G and B, and left out",)


def test_half_floats_alpha_and_a_profile_go_together(tmp_path: Path) -> None:
    encoded = np.dstack([change_primaries(_light(), "bt709", "bt2020"), np.ones((8, 12), np.float32)])
    profile = display_profile("bt2020", 1.0)
    loaded = load(_file(tmp_path / "a.tif", encoded.astype(np.float16), profile, extrasamples=["unassalpha"]))
    assert loaded.image == pytest.approx(_light(), rel=2e-3)
    assert loaded.had_alpha


def _rational(numbers: tuple[float, ...]) -> list[int]:
    return [part for number in numbers for part in (round(number * 100_000), 100_000)]


def test_tags_of_primaries_are_obeyed(tmp_path: Path) -> None:
    given = PRIMARIES["prophoto"].chromaticities
    tags = [(319, "2I", 6, _rational(given[:6]), True), (318, "2I", 2, _rational(given[6:]), True)]
    stored = change_primaries(_light(), "bt709", "prophoto")
    loaded = load(_file(tmp_path / "a.tif", stored, extratags=tags))
    assert loaded.image == pytest.approx(_light(), rel=1e-3)
    assert "brought from prophoto" in loaded.notes[0]


def test_a_white_in_floats_is_that_in_ratios(tmp_path: Path) -> None:
    of_floats, of_ratios = ((318, "f", 2, (0.3457, 0.3585), True), (318, "2I", 2, (3457, 10000, 3585, 10000), True))
    pictures = [read(_file(tmp_path / "a.tif", _light(), extratags=[tag])) for tag in (of_floats, of_ratios)]
    assert pictures[0] == pytest.approx(pictures[1], rel=1e-5)
    assert not np.allclose(pictures[0], _light(), rtol=1e-2)


def test_orientation_and_pages_are_told(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for _ in range(2):
            file.write(_light(), photometric="rgb", extratags=[(274, "H", 1, 3, True)])
    loaded = load(tmp_path / "a.tif")
    assert np.array_equal(loaded.image, _light()[::-1, ::-1])
    assert loaded.notes == ("the first of 2 pages", "is turned upright, as its orientation 3 says")


def _log_luv(path: Path, light: np.ndarray) -> Path:
    """A TIFF file of LogLuv, 32 bits a pixel, one strip a line, as libtiff's tif_luv.c describes it."""
    x, y, z = np.moveaxis(light.astype(np.float64) @ to_xyz("bt709").T, -1, 0)
    weight = x + 15 * y + 3 * z
    words = np.floor(256 * (np.log2(y) + 64)).astype(np.uint32) << 16
    words |= np.floor(410 * 4 * x / weight).astype(np.uint32) << 8
    words |= np.floor(410 * 9 * y / weight).astype(np.uint32)
    height, width = words.shape
    strips = []
    for line in words:
        planes = [((line >> shift) & 255).astype(np.uint8).tobytes() for shift in (24, 16, 8, 0)]
        strips.append(b"".join(bytes([width]) + plane for plane in planes))
    tags = [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, 3, 134), (259, 3, 1, 34676), (262, 3, 1, 32845),
        (273, 4, height, 140), (277, 3, 1, 3), (278, 4, 1, 1), (279, 4, height, 140 + 4 * height), (284, 3, 1, 1),
    ]  # fmt: skip
    data = b"II*\0" + struct.pack("<IH", 8, len(tags))
    data += b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    data += struct.pack("<3H", 16, 16, 16)
    pixels, size = 140 + 8 * height, len(strips[0])
    data += struct.pack(f"<{height}I", *(pixels + size * row for row in range(height)))
    data += struct.pack(f"<{height}I", *([size] * height)) + b"".join(strips)
    path.write_bytes(data)
    return path


def test_log_luv_is_read(tmp_path: Path) -> None:
    loaded = load(_log_luv(tmp_path / "a.tif", _light()))
    assert loaded.image == pytest.approx(_light(), rel=0.03)
    assert loaded.notes == ("its LogLuv values are turned into R, G and B",)


def test_log_luv_that_is_cut_short_is_damage(tmp_path: Path) -> None:
    _log_luv(tmp_path / "a.tif", _light())
    (tmp_path / "a.tif").write_bytes((tmp_path / "a.tif").read_bytes()[:-9])
    with pytest.raises(PictureError, match="cut short"):
        read(tmp_path / "a.tif")


def test_other_values_are_refused_as_not_supported(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", _light(), photometric="cielab")
    with pytest.raises(PictureError, match="holds CIELAB values, which are not supported"):
        read(tmp_path / "a.tif")
    _file(tmp_path / "b.tif", _light())
    with tifffile.TiffFile(tmp_path / "b.tif", mode="r+b") as file:
        file.pages[0].tags[259].overwrite(34677)
    with pytest.raises(PictureError, match="is a variant of TIFF that is not supported"):
        read(tmp_path / "b.tif")
