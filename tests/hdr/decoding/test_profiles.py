from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image
from tests.hdr.icc_profiles import cmyk_profile, display_profile, grey_profile, with_numbers

from mqn.errors import PictureError
from mqn.hdr.io.files import load_ldr, read_ldr
from mqn.hdr.primaries import matrix
from mqn.hdr.transfer import srgb_decode, srgb_encode


def _patch(*code: int) -> Image.Image:
    return Image.new("RGB" if len(code) == 3 else "L", (12, 8), code if len(code) == 3 else code[0])


def _expected(linear: list[float], primaries: str) -> np.ndarray:
    return srgb_encode(np.clip(matrix(primaries, "bt709") @ np.array(linear), 0, 1))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
def test_an_embedded_profile_is_applied(tmp_path: Path, suffix: str) -> None:
    options = {".jpg": {"quality": 100, "subsampling": 0}, ".webp": {"lossless": True}}.get(suffix, {})
    _patch(200, 120, 60).save(tmp_path / f"a{suffix}", icc_profile=display_profile("p3"), **options)
    loaded = load_ldr(tmp_path / f"a{suffix}")
    expected = _expected([(code / 255) ** 2.2 for code in (200, 120, 60)], "p3")
    assert loaded.image[4, 6] == pytest.approx(expected, abs=0.012 if suffix == ".jpg" else 1e-3)
    assert "untagged" not in loaded.colours


def test_a_profile_keeps_sixteen_bits(tmp_path: Path) -> None:
    import tifffile

    codes = np.full((8, 12, 3), (51400, 30840, 15421), np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", codes, photometric="rgb", iccprofile=display_profile("p3"))
    codes[...] += 1
    tifffile.imwrite(tmp_path / "b.tif", codes, photometric="rgb", iccprofile=display_profile("p3"))
    step = read_ldr(tmp_path / "b.tif") - read_ldr(tmp_path / "a.tif")
    # One code of 65535 moves every channel, and by about one.
    assert (step > 0.3 / 65535).all()
    assert (step < 3 / 65535).all()


def test_a_profile_that_is_srgb_changes_nothing(tmp_path: Path) -> None:
    codes = np.random.default_rng(0).integers(0, 256, (8, 12, 3)).astype(np.uint8)
    Image.fromarray(codes).save(tmp_path / "a.png", icc_profile=bytes(imagecodecs.cms_profile("srgb")))
    loaded = load_ldr(tmp_path / "a.png")
    assert np.array_equal(loaded.image, codes.astype(np.float32) / np.float32(255))
    assert "sRGB" in loaded.colours


def test_colours_beyond_srgb_are_clipped(tmp_path: Path) -> None:
    _patch(0, 255, 0).save(tmp_path / "a.png", icc_profile=display_profile("p3"))
    assert read_ldr(tmp_path / "a.png")[0, 0] == pytest.approx([0, 1, 0], abs=1e-3)


def test_grey_may_have_a_profile(tmp_path: Path) -> None:
    _patch(128).save(tmp_path / "a.png", icc_profile=grey_profile(1.0))
    loaded = load_ldr(tmp_path / "a.png")
    assert loaded.was_grey
    assert loaded.image[0, 0] == pytest.approx([float(srgb_encode(np.float64(128 / 255)))] * 3, abs=1e-3)


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_cmyk_is_converted_by_its_profile(tmp_path: Path, suffix: str) -> None:
    Image.new("CMYK", (12, 8), (255, 255, 0, 0)).save(tmp_path / f"a{suffix}", icc_profile=cmyk_profile())
    loaded = load_ldr(tmp_path / f"a{suffix}")
    # Two full inks of four: L* = 50, that is Y = ((50 + 16) / 116)^3.
    expected = float(srgb_encode(np.float64(((50 + 16) / 116) ** 3)))
    assert loaded.image[4, 6] == pytest.approx([expected] * 3, abs=0.01)
    assert not loaded.had_alpha


def test_cmyk_without_a_profile_is_refused(tmp_path: Path) -> None:
    Image.new("CMYK", (12, 8), (255, 255, 0, 0)).save(tmp_path / "a.jpg")
    with pytest.raises(PictureError, match=r"a\.jpg: is CMYK without a usable colour profile"):
        read_ldr(tmp_path / "a.jpg")


@pytest.mark.parametrize("profile", [b"no profile at all" * 20, cmyk_profile()])
def test_a_profile_that_cannot_be_used_is_left_out_and_told(tmp_path: Path, profile: bytes) -> None:
    _patch(200, 120, 60).save(tmp_path / "a.png", icc_profile=profile)
    loaded = load_ldr(tmp_path / "a.png")
    assert loaded.image[0, 0] * 255 == pytest.approx([200, 120, 60])
    assert loaded.notes == ("its colour profile is damaged or not for rgb pictures, and left out",)
    assert loaded.colours == "sRGB, untagged"


def test_untagged_pictures_may_be_declared_display_p3(tmp_path: Path) -> None:
    _patch(200, 120, 60).save(tmp_path / "a.png")
    linear = [float(srgb_decode(np.float64(code / 255))) for code in (200, 120, 60)]
    assert read_ldr(tmp_path / "a.png", primaries="p3")[0, 0] == pytest.approx(_expected(linear, "p3"), abs=1e-5)
    assert read_ldr(tmp_path / "a.png")[0, 0] * 255 == pytest.approx([200, 120, 60])
    assert load_ldr(tmp_path / "a.png", primaries="p3").colours == "p3, untagged"
    with pytest.raises(ValueError, match="'bt2020' must be 'srgb' or 'p3'"):
        read_ldr(tmp_path / "a.png", primaries="bt2020")  # type: ignore[arg-type]


def test_a_profile_goes_before_what_is_declared(tmp_path: Path) -> None:
    _patch(200, 120, 60).save(tmp_path / "a.png", icc_profile=bytes(imagecodecs.cms_profile("srgb")))
    assert read_ldr(tmp_path / "a.png", primaries="p3")[0, 0] * 255 == pytest.approx([200, 120, 60])


def test_exif_may_say_adobe_rgb(tmp_path: Path) -> None:
    picture = _patch(200, 120, 60)
    exif = Image.Exif()
    exif[0x010F] = "Camera"
    exif.get_ifd(0x8769)[0xA005] = {1: "R03"}
    picture.save(tmp_path / "a.png", exif=exif)
    loaded = load_ldr(tmp_path / "a.png")
    linear = [(code / 255) ** (563 / 256) for code in (200, 120, 60)]
    assert loaded.image[0, 0] == pytest.approx(_expected(linear, "adobe_rgb"), abs=1e-5)
    assert loaded.colours.startswith("Adobe RGB")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
def test_a_profile_that_says_hdr_by_number_is_refused(tmp_path: Path, suffix: str) -> None:
    for transfer, refused in ((13, False), (16, True), (18, True)):
        profile = with_numbers(display_profile("bt2020"), 9, transfer)
        _patch(200, 120, 60).save(tmp_path / f"a{suffix}", icc_profile=profile)
        if refused:
            with pytest.raises(PictureError, match=r"is an HDR picture \((PQ|HLG)\), not an LDR one"):
                read_ldr(tmp_path / f"a{suffix}")
        else:
            assert "brought from" in load_ldr(tmp_path / f"a{suffix}").notes[-1]
