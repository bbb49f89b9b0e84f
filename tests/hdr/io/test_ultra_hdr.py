"""Ultra HDR files, whole: against libultrahdr, against the light that they were made of, and refusals."""

from __future__ import annotations

import io
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from PIL import Image
from tests.hdr.icc_profiles import cmyk_profile
from tests.support.jpegs import display_p3, gradient, jpeg

from mqn.errors import PictureError
from mqn.hdr.decoding.orientation import turn_stored, turn_upright
from mqn.hdr.gain_map import gain
from mqn.hdr.gain_map.container import compose, extract
from mqn.hdr.io.files import load, load_ldr
from mqn.hdr.io.ultra_hdr import GainMapOptions, decode_ultra_hdr, read_base, write_ultra_hdr
from mqn.hdr.kinds.jpeg import picture_end, segments
from mqn.hdr.primaries import change_primaries, luminance
from mqn.hdr.transfer import srgb_decode, srgb_encode

KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "portrait": {"orientation": 6},
    "transposed": {"orientation": 5, "thumbnail": True},
    "p3": {"profile": True},
    "progressive": {"progressive": True, "orientation": 8},
    "grey": {},
}


def photograph(path: Path, kind: str = "plain") -> np.ndarray:
    """Writes a JPEG and returns what it is of: (H, W, 3) upright, linear BT.709, levelled with it."""
    light, codes = gradient(64, 96)
    options = dict(KINDS[kind])
    if options.pop("profile", False):
        options["profile"] = display_p3()
        inside = np.clip(change_primaries(light, "bt709", "p3"), 0, 1)
        codes = np.rint(srgb_encode(inside) * 255).astype(np.uint8)
    if kind == "grey":
        light = np.repeat(luminance(light)[..., None], 3, axis=2)
        codes = np.rint(srgb_encode(np.minimum(light[..., 0], 1)) * 255).astype(np.uint8)
    stored = np.ascontiguousarray(turn_stored(codes, options.get("orientation", 1)))
    path.write_bytes(jpeg(stored, **options))
    return light


def scans(data: bytes) -> bytes:
    *_, last = segments(data)
    return data[last.end : picture_end(data)]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_the_light_comes_back_within_the_map_s_steps(kind: str, channels: Any, tmp_path: Path) -> None:
    light = photograph(tmp_path / "a.jpg", kind)
    base = read_base(tmp_path / "a.jpg")
    # Of any scale, as networks give it.
    write_ultra_hdr(tmp_path / "b.jpg", base, light / 7, GainMapOptions(channels=channels))
    data = (tmp_path / "b.jpg").read_bytes()
    assert scans(data) == scans((tmp_path / "a.jpg").read_bytes())
    orientation = base.decoded.orientation
    read = [decode_ultra_hdr(tmp_path / "b.jpg").pixels]
    # libultrahdr 1.4 refuses every grey base.
    if kind != "grey":
        shown = imagecodecs.ultrahdr_decode(data)[..., :3].astype(np.float32) @ base.colours.to_bt709
        read.append(turn_upright(shown, orientation))
    for picture in read:
        assert picture.shape == light.shape
        wrong = np.abs(luminance(picture) / luminance(light) - 1)
        assert np.median(wrong) < 0.01
        assert np.percentile(wrong, 95) < 0.05
        if channels == 3:
            assert np.percentile(np.abs(picture - light) / luminance(light)[..., None], 95) < 0.08
    assert Image.open(io.BytesIO(extract(data).jpeg)).mode == ("L" if channels == 1 else "RGB")


def test_a_map_of_a_quarter_is_smaller_and_read_alike(tmp_path: Path) -> None:
    light = photograph(tmp_path / "a.jpg")
    write_ultra_hdr(tmp_path / "b.jpg", read_base(tmp_path / "a.jpg"), light, GainMapOptions(scale=4, quality=90))
    data = (tmp_path / "b.jpg").read_bytes()
    assert Image.open(io.BytesIO(extract(data).jpeg)).size == (24, 16)
    shown = imagecodecs.ultrahdr_decode(data)[..., :3].astype(np.float32)
    for picture in (shown, load(tmp_path / "b.jpg").image):
        assert np.median(np.abs(luminance(picture) / luminance(light) - 1)) < 0.03


def test_the_base_is_an_ldr_picture_and_the_file_an_hdr_one(tmp_path: Path) -> None:
    light = photograph(tmp_path / "a.jpg", "portrait")
    write_ultra_hdr(tmp_path / "b.jpg", read_base(tmp_path / "a.jpg"), light, GainMapOptions())
    np.testing.assert_array_equal(load_ldr(tmp_path / "b.jpg").image, load_ldr(tmp_path / "a.jpg").image)
    assert "gain map is not applied" in load_ldr(tmp_path / "b.jpg").notes[0]
    assert load(tmp_path / "b.jpg").image.max() == pytest.approx(light.max(), rel=0.03)
    assert load(tmp_path / "b.jpg").notes == ("its gain map is applied; 1.0 is SDR white",)


def test_files_of_libultrahdr_are_read(tmp_path: Path) -> None:
    light = np.ones((64, 96, 4), np.float16)
    light[..., :3] = gradient(64, 96)[0]
    data = imagecodecs.ultrahdr_encode(light)
    (tmp_path / "a.jpg").write_bytes(data)
    ours = decode_ultra_hdr(tmp_path / "a.jpg").pixels
    theirs = imagecodecs.ultrahdr_decode(data)[..., :3].astype(np.float32)
    colours = read_base(tmp_path / "a.jpg", replace=True).colours
    assert np.percentile(np.abs(ours - theirs @ colours.to_bt709) / (ours + 0.05), 95) < 0.05


def test_a_gain_map_is_replaced_only_if_asked(tmp_path: Path) -> None:
    light = photograph(tmp_path / "a.jpg")
    write_ultra_hdr(tmp_path / "b.jpg", read_base(tmp_path / "a.jpg"), light, GainMapOptions())
    with pytest.raises(PictureError, match=r"b\.jpg: has a gain map already; --overwrite-gain-map replaces it"):
        read_base(tmp_path / "b.jpg")
    [note] = write_ultra_hdr(
        tmp_path / "c.jpg", read_base(tmp_path / "b.jpg", replace=True), light**0.5, GainMapOptions(channels=3)
    )
    assert note.endswith("bytes behind its picture are left out")
    assert not extract((tmp_path / "c.jpg").read_bytes()).metadata.is_grey
    assert load(tmp_path / "c.jpg").image.max() < load(tmp_path / "b.jpg").image.max()


def test_bases_that_cannot_be_kept_are_refused(tmp_path: Path) -> None:
    codes = np.zeros((8, 8, 3), np.uint8)
    Image.fromarray(codes).save(tmp_path / "a.jpg", "PNG")
    with pytest.raises(PictureError, match="holds PNG data; an Ultra HDR file keeps the bytes of a JPEG"):
        read_base(tmp_path / "a.jpg")
    Image.fromarray(codes).convert("CMYK").save(tmp_path / "b.jpg", icc_profile=cmyk_profile())
    with pytest.raises(PictureError, match="is CMYK, and the base of an Ultra HDR file is grey or RGB"):
        read_base(tmp_path / "b.jpg")
    Image.fromarray(codes).save(
        tmp_path / "c.jpg", "MPO", save_all=True, append_images=[Image.fromarray(codes), Image.fromarray(codes)]
    )
    with pytest.raises(PictureError, match=r"holds 3 pictures \(MPO\)"):
        read_base(tmp_path / "c.jpg")
    data = jpeg(codes)
    frame = data.index(b"\xff\xc0")
    (tmp_path / "d.jpg").write_bytes(data[: frame + 5] + struct.pack(">2H", 9000, 8000) + data[frame + 9 :])
    with pytest.raises(PictureError, match="has 8000 x 9000 pixels; the base of an Ultra HDR file may have 64 mega"):
        read_base(tmp_path / "d.jpg")
    (tmp_path / "e.jpg").write_bytes(data[: frame + 4] + b"\x0c" + data[frame + 5 :])
    with pytest.raises(PictureError, match="is a 12-bit JPEG"):
        read_base(tmp_path / "e.jpg")


def test_light_that_is_not_finite_is_not_written(tmp_path: Path) -> None:
    light = photograph(tmp_path / "a.jpg")
    light[3, 4, 0] = np.nan
    with pytest.raises(PictureError, match=r"b\.jpg: not written, the picture has values that are NaN"):
        write_ultra_hdr(tmp_path / "b.jpg", read_base(tmp_path / "a.jpg"), light, GainMapOptions())
    assert not (tmp_path / "b.jpg").exists()


def test_damaged_maps_are_told(tmp_path: Path) -> None:
    light = photograph(tmp_path / "a.jpg")
    with pytest.raises(PictureError, match="of JPEG files those with a gain map are"):
        load(tmp_path / "a.jpg")
    write_ultra_hdr(tmp_path / "b.jpg", read_base(tmp_path / "a.jpg"), light, GainMapOptions())
    data = (tmp_path / "b.jpg").read_bytes()
    frame = data.rindex(b"\xff\xc0")
    (tmp_path / "c.jpg").write_bytes(data[: frame + 5] + struct.pack(">2H", 65000, 65000) + data[frame + 9 :])
    with pytest.raises(PictureError, match="its gain map has 65000 x 65000 pixels, 1 channels; one or three"):
        load(tmp_path / "c.jpg")
    (tmp_path / "d.jpg").write_bytes(data[:-40] + bytes(38) + data[-2:])
    with pytest.raises(PictureError, match=r"d\.jpg: its gain map is (damaged|cut short)"):
        load(tmp_path / "d.jpg")
    (tmp_path / "e.jpg").write_bytes(data[: picture_end(data)])
    with pytest.raises(PictureError, match="its gain map is not where the file's index says"):
        load(tmp_path / "e.jpg")


def test_a_map_in_its_own_colours_is_applied_there(tmp_path: Path) -> None:
    """A base of sRGB, and a map whose gains are of P3's red."""
    codes = np.full((8, 8, 3), 128, np.uint8)
    (tmp_path / "a.jpg").write_bytes(jpeg(codes))
    red = np.zeros((8, 8, 3), np.float32)
    red[..., 0] = 1
    map_codes, metadata = gain.quantize(red, 1.0)
    data, _ = compose(
        (tmp_path / "a.jpg").read_bytes(),
        jpeg(map_codes, profile=display_p3()),
        replace(metadata, in_base_colours=False),
    )
    (tmp_path / "b.jpg").write_bytes(data)
    grey = float(srgb_decode(np.float32(128 / 255)))
    expected = change_primaries(np.array([2 * grey + gain.OFFSET, grey, grey], np.float32), "p3", "bt709")
    assert decode_ultra_hdr(tmp_path / "b.jpg").pixels[4, 4] == pytest.approx(expected, abs=0.01)
