"""OpenEXR files as renderers and compositors write them: windows, layers, parts, colours."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest

from mqn.errors import PictureError
from mqn.hdr.io.files import load, read
from mqn.hdr.primaries import PRIMARIES, change_primaries, to_xyz


def _image(seed: int = 0, height: int = 8, width: int = 12) -> np.ndarray:
    return (np.random.default_rng(seed).random((height, width, 3)) + 0.5).astype(np.float32)


def _file(path: Path, image: np.ndarray, **header: Any) -> Path:
    OpenEXR.File(header, {"RGB": image}).write(str(path))
    return path


def _layers(**images: np.ndarray) -> dict[str, np.ndarray]:
    """Channels of layers; `plain` is R, G and B without a layer, `_` in a name is a point."""
    return {
        f"{'' if name == 'plain' else name.replace('_', '.') + '.'}{channel}": np.ascontiguousarray(image[..., index])
        for name, image in images.items()
        for index, channel in enumerate("RGB")
    }


def _parts(path: Path, *parts: tuple[str, dict[str, np.ndarray]]) -> Path:
    OpenEXR.File([OpenEXR.Part({}, channels, name=name) for name, channels in parts]).write(str(path))
    return path


def test_tiles_are_read(tmp_path: Path) -> None:
    image = _image(height=40, width=70)
    OpenEXR.File({"type": OpenEXR.tiledimage, "tiles": OpenEXR.TileDescription()}, {"RGB": image}).write(
        str(tmp_path / "a.exr")
    )
    assert np.array_equal(read(tmp_path / "a.exr"), image)


@pytest.mark.parametrize("name", ["bt709", "bt2020", "p3"])
def test_stated_primaries_are_brought_to_bt709(tmp_path: Path, name: str) -> None:
    stated = change_primaries(_image(), "bt709", name)
    loaded = load(_file(tmp_path / "a.exr", stated, chromaticities=PRIMARIES[name].chromaticities))
    assert loaded.image == pytest.approx(_image(), rel=1e-5)
    assert loaded.notes == (() if name == "bt709" else (f"its colours are brought from {name} to BT.709",))


@pytest.mark.parametrize(
    ("name", "expected"),
    # Of (40, 30, 20), by the Bradford transform.
    [
        ("acescg", (47.88, 28.80, 18.23)),
        ("aces2065_1", (59.09, 28.20, 18.16)),
        ("prophoto", (53.41, 27.74, 18.30)),
        ("dci_p3", (41.60, 29.63, 18.85)),
    ],
)
def test_another_white_is_adapted_to_d65(tmp_path: Path, name: str, expected: tuple[float, ...]) -> None:
    image = np.full((8, 12, 3), (40, 30, 20), np.float32)
    image[4:] = 7
    loaded = load(_file(tmp_path / "a.exr", image, chromaticities=PRIMARIES[name].chromaticities))
    assert loaded.image[0, 0] == pytest.approx(expected, rel=1e-3)
    assert loaded.image[4, 0] == pytest.approx([7, 7, 7], rel=1e-5)
    [note] = loaded.notes
    assert note.startswith(f"its colours are brought from {name} to BT.709 and adapted from the white 0.3")


def test_primaries_without_a_name_are_taken_by_their_numbers(tmp_path: Path) -> None:
    wide = (0.69, 0.31, 0.2, 0.75, 0.14, 0.05, 0.3127, 0.3290)
    image = np.full((8, 12, 3), (0.9, 0.5, 0.5), np.float32)
    loaded = load(_file(tmp_path / "a.exr", image, chromaticities=wide))
    white, red = to_xyz("bt709") @ np.ones(3), np.array([0.69, 0.31, 0.0])
    # Its red is 0.5 white and 0.4 of the stated red, of the luminance that makes white of all three.
    columns = np.array([[0.69, 0.2, 0.14], [0.31, 0.75, 0.05], [0, 0.05, 0.81]])
    expected = np.linalg.solve(to_xyz("bt709"), 0.5 * white + 0.4 * red * np.linalg.solve(columns, white)[0])
    assert loaded.image[0, 0] == pytest.approx(expected, rel=1e-4)
    assert loaded.notes == ("its colours are brought from the primaries that it states to BT.709",)


def test_an_adopted_neutral_becomes_white(tmp_path: Path) -> None:
    x, y = 0.36, 0.36
    neutral = np.linalg.solve(to_xyz("bt709"), [x / y, 1, (1 - x - y) / y]).astype(np.float32)
    image = np.tile(neutral, (8, 12, 1))
    loaded = load(_file(tmp_path / "a.exr", image, adoptedNeutral=np.array([x, y], np.float32)))
    assert loaded.image == pytest.approx(np.ones((8, 12, 3)), rel=1e-4)
    assert "adapted from the white 0.3600, 0.3600 to D65" in loaded.notes[0]
    same = np.array([0.3127, 0.3290], np.float32)
    assert load(_file(tmp_path / "b.exr", image, adoptedNeutral=same)).notes == ()


def test_a_colour_space_by_name_is_obeyed_or_refused(tmp_path: Path) -> None:
    image = np.full((8, 12, 3), (40, 30, 20), np.float32)
    loaded = load(_file(tmp_path / "a.exr", image, colorInteropID="lin_ap1_scene"))
    assert loaded.image[0, 0] == pytest.approx([47.88, 28.80, 18.23], rel=1e-3)
    with pytest.raises(PictureError, match="its colour space 'srgb_rec709_scene' is not supported"):
        read(_file(tmp_path / "b.exr", image, colorInteropID="srgb_rec709_scene"))
    assert load(_file(tmp_path / "c.exr", image, colorInteropID="unknown")).notes == ()
    with pytest.raises(PictureError, match="its colour space 'sRGB' is not known here; write it as linear light"):
        read(_file(tmp_path / "d.exr", image, **{"oiio:ColorSpace": "sRGB"}))
    assert load(_file(tmp_path / "e.exr", image, **{"oiio:ColorSpace": "Linear"})).notes == ()
    both = {"chromaticities": PRIMARIES["bt2020"].chromaticities, "oiio:ColorSpace": "log"}
    assert load(_file(tmp_path / "g.exr", image, **both)).notes[0].startswith("names its colour space 'log', which is")
    for name in ("ACEScg", "lin_ap1_scene", "ACES - ACEScg"):
        assert np.array_equal(read(_file(tmp_path / "f.exr", image, **{"oiio:ColorSpace": name})), loaded.image)


@pytest.mark.parametrize("numbers", [(0.6, 0.3) * 4, (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.9, 0.0)])
def test_chromaticities_that_are_none_are_refused(tmp_path: Path, numbers: tuple[float, ...]) -> None:
    with pytest.raises(PictureError, match="are no primaries and white; its colours cannot be known"):
        read(_file(tmp_path / "a.exr", _image(), chromaticities=numbers))


def test_an_attribute_of_another_type_is_damage(tmp_path: Path) -> None:
    path = _file(tmp_path / "a.exr", _image(), chromaticities=PRIMARIES["acescg"].chromaticities)
    path.write_bytes(path.read_bytes().replace(b"chromaticities\0chromaticities", b"chromaticities\0chromaticitieX"))
    with pytest.raises(PictureError, match="damaged, its chromaticities are no 8 numbers"):
        read(path)


def test_the_end_of_float32_is_not_passed(tmp_path: Path) -> None:
    image = np.full((8, 12, 3), (3e38, 0, 0), np.float32)
    loaded = load(_file(tmp_path / "a.exr", image, chromaticities=PRIMARIES["bt2020"].chromaticities))
    assert loaded.image[0, 0, 0] == np.finfo(np.float32).max


def _window(left: int, top: int, right: int, bottom: int) -> tuple[np.ndarray, np.ndarray]:
    return np.array([left, top], np.int32), np.array([right, bottom], np.int32)


@pytest.mark.parametrize(
    ("data", "display"),
    [
        # Overscan; a cropped render; both, each on a side; from negative corners.
        ((-3, -2, 14, 9), (0, 0, 11, 7)),
        ((4, 2, 7, 5), (0, 0, 11, 7)),
        ((-3, 2, 7, 9), (0, 0, 11, 7)),
        ((-20, -10, -9, -3), (-22, -8, -10, -1)),
    ],
)
def test_the_display_window_is_what_is_seen(
    tmp_path: Path, data: tuple[int, int, int, int], display: tuple[int, int, int, int]
) -> None:
    image = _image(height=data[3] - data[1] + 1, width=data[2] - data[0] + 1)
    loaded = load(_file(tmp_path / "a.exr", image, dataWindow=_window(*data), displayWindow=_window(*display)))
    height, width = display[3] - display[1] + 1, display[2] - display[0] + 1
    assert loaded.image.shape == (height, width, 3)
    for y in range(height):
        for x in range(width):
            row, column = y + display[1] - data[1], x + display[0] - data[0]
            inside = 0 <= row < image.shape[0] and 0 <= column < image.shape[1]
            assert loaded.image[y, x].tolist() == (image[row, column].tolist() if inside else [0, 0, 0])
    [note] = loaded.notes
    assert f"to its display window, {width} x {height}" in note


def test_equal_windows_anywhere_change_nothing(tmp_path: Path) -> None:
    window = _window(-30, 5, -19, 12)
    loaded = load(_file(tmp_path / "a.exr", _image(), dataWindow=window, displayWindow=window))
    assert np.array_equal(loaded.image, _image())
    assert loaded.notes == ()


def test_a_display_window_elsewhere_or_too_large_is_refused(tmp_path: Path) -> None:
    data = _window(0, 0, 11, 7)
    with pytest.raises(PictureError, match="all of its pixels lie outside its display window"):
        read(_file(tmp_path / "a.exr", _image(), dataWindow=data, displayWindow=_window(12, 0, 23, 7)))
    with pytest.raises(PictureError, match="at most 200 megapixels are read"):
        read(_file(tmp_path / "b.exr", _image(), dataWindow=data, displayWindow=_window(0, 0, 99_999, 99_999)))


@pytest.mark.parametrize(
    ("names", "taken"),
    [
        (["beauty"], "beauty"),
        (["ViewLayer_Combined", "ViewLayer_Normal"], "ViewLayer.Combined"),
        (["albedo", "BEAUTY", "zdiffuse"], "BEAUTY"),
        (["albedo", "plain", "beauty"], "R, G, B"),
        (["diffuse_color", "rgba"], "rgba"),
        (["left", "right"], "left"),
        (["plain", "right"], "R, G, B"),
        (["normal", "position"], "normal"),
    ],
)
def test_of_layers_the_beauty_is_taken_and_told(tmp_path: Path, names: list[str], taken: str) -> None:
    images = {name: _image(seed) for seed, name in enumerate(names)}
    OpenEXR.File({}, _layers(**images) | {"Depth.Z": images[names[0]][..., 0].copy()}).write(str(tmp_path / "a.exr"))
    loaded = load(tmp_path / "a.exr")
    assert np.array_equal(loaded.image, images["plain" if taken == "R, G, B" else taken.replace(".", "_")])
    [note] = loaded.notes
    assert note.startswith(f"its layer {taken} was taken")
    assert all(name.replace("_", ".") in note for name in names if name != "plain")


def test_channel_names_may_be_written_in_other_ways(tmp_path: Path) -> None:
    for names in ("rgb", ("Red", "Green", "Blue"), ("C.r", "C.g", "C.b")):
        channels = {name: np.ascontiguousarray(_image()[..., index]) for index, name in enumerate(names)}
        OpenEXR.File({}, channels).write(str(tmp_path / "a.exr"))
        assert np.array_equal(read(tmp_path / "a.exr"), _image())


@pytest.mark.parametrize(
    ("parts", "taken"),
    [
        ([("depth", None), ("colour", 1)], "colour"),
        ([("albedo", 0), ("beauty", 1)], "beauty"),
        ([("albedo", 0), ("rgba", 1)], "rgba"),
        ([("rgba.left", 0), ("rgba.right", 1)], "rgba.left"),
        ([("normal", 0), ("albedo", 1)], "normal"),
    ],
)
def test_of_parts_the_beauty_is_taken_and_told(tmp_path: Path, parts: list[tuple[str, int | None]], taken: str) -> None:
    written = [
        (name, {"Z": np.ones((8, 12), np.float32)} if seed is None else _layers(plain=_image(seed)))
        for name, seed in parts
    ]
    loaded = load(_parts(tmp_path / "a.exr", *written))
    assert np.array_equal(loaded.image, _image(dict(parts)[taken] or 0))
    assert loaded.notes[0].startswith(f"its layer {taken} was taken")


def test_a_layer_in_the_first_part_goes_before_plain_colours_of_another_name(tmp_path: Path) -> None:
    parts = (("rgba", _layers(beauty=_image(0))), ("albedo", _layers(plain=_image(1))))
    loaded = load(_parts(tmp_path / "a.exr", *parts))
    assert np.array_equal(loaded.image, _image(0))
    assert loaded.notes == ("its layer beauty was taken, of beauty; albedo",)


def _deep() -> np.ndarray:
    samples = np.empty((8, 12), dtype=object)
    for index in np.ndindex(samples.shape):
        samples[index] = np.ones(2, np.float32)
    return samples


def test_a_deep_picture_is_refused_unless_there_is_a_flat_one(tmp_path: Path) -> None:
    header = {"type": OpenEXR.deepscanline, "compression": OpenEXR.ZIPS_COMPRESSION}
    OpenEXR.File(header, dict.fromkeys("RGB", _deep())).write(str(tmp_path / "a.exr"))
    with pytest.raises(PictureError, match="is a deep picture, with many samples in a pixel, which is not supported"):
        read(tmp_path / "a.exr")
    deep = OpenEXR.Part(header, dict.fromkeys("RGB", _deep()), name="rgba")
    OpenEXR.File([deep, OpenEXR.Part({}, {"RGB": _image()}, name="flat")]).write(str(tmp_path / "b.exr"))
    assert np.array_equal(read(tmp_path / "b.exr"), _image())


def _subsampled(path: Path, planes: dict[str, tuple[np.ndarray, int]]) -> Path:
    """A file whose channels have samples at every n-th pixel and line only."""
    import Imath

    kind = Imath.PixelType(Imath.PixelType.FLOAT)
    height, width = next(plane.shape for plane, step in planes.values() if step == 1)
    header = OpenEXR.Header(width, height)
    header["channels"] = {name: Imath.Channel(kind, step, step) for name, (_, step) in planes.items()}
    header["compression"] = Imath.Compression(Imath.Compression.NO_COMPRESSION)
    file = OpenEXR.OutputFile(str(path), header)
    file.writePixels({name: plane.tobytes() for name, (plane, _) in planes.items()})
    file.close()
    # That writer takes lines of such channels from the wrong place: they are put in here.
    data = bytearray(path.read_bytes())
    at = 8
    while data[at]:
        at = data.index(0, data.index(0, at) + 1) + 1
        at += 4 + struct.unpack_from("<i", data, at)[0]
    for line, start in enumerate(struct.unpack_from(f"<{height}Q", data, at + 1)):
        rows = [planes[name] for name in sorted(planes)]
        values = b"".join(plane[line // step].tobytes() for plane, step in rows if line % step == 0)
        assert struct.unpack_from("<2i", data, start) == (line, len(values))
        data[start + 8 : start + 8 + len(values)] = values
    path.write_bytes(data)
    return path


def test_luminance_and_chroma_become_rgb(tmp_path: Path) -> None:
    image = np.repeat(np.repeat(_image(), 4, axis=0), 4, axis=1)
    image[:, :, 1] += np.linspace(0, 1, 48, dtype=np.float32)
    luminance = (image @ to_xyz("bt709")[1]).astype(np.float32)
    chroma = {name: (image[..., index] - luminance) / luminance for name, index in (("RY", 0), ("BY", 2))}
    halved = {name: (plane[::2, ::2].copy(), 2) for name, plane in chroma.items()}
    loaded = load(_subsampled(tmp_path / "a.exr", {"Y": (luminance, 1), **halved}))
    # At every second pixel of every second line there is a sample.
    assert loaded.image[::2, ::2] == pytest.approx(image[::2, ::2], rel=1e-4)
    # Between two samples chroma is their mean.
    middle = (image[8, 8, 0] / luminance[8, 8] + image[8, 10, 0] / luminance[8, 10]) / 2
    assert loaded.image[8, 9, 0] == pytest.approx(middle * luminance[8, 9], rel=1e-4)
    assert loaded.notes == ("its luminance and chroma are turned into R, G and B",)


def test_channels_of_another_resolution_are_brought_to_the_finest(tmp_path: Path) -> None:
    fine, coarse = np.ones((8, 12), np.float32), np.full((4, 6), 0.5, np.float32)
    loaded = load(_subsampled(tmp_path / "a.exr", {"R": (fine, 1), "G": (coarse, 2), "B": (fine, 1)}))
    assert loaded.image == pytest.approx(np.full((8, 12, 3), (1, 0.5, 1)))
    assert loaded.notes == ("its channels differ in resolution and are brought to the finest",)


def test_pixels_that_are_not_square_are_told(tmp_path: Path) -> None:
    loaded = load(_file(tmp_path / "a.exr", _image(), pixelAspectRatio=2.0))
    assert loaded.notes == ("its pixels are 2 times as wide as high, and kept as they are",)
