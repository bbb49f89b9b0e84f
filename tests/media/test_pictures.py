"""Pictures and folders: targets, failures named, nothing made twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import OpenEXR
import pytest

from mqn.errors import UsageError
from mqn.hdr.files import read, read_ldr, write_png
from mqn.media.pictures import (
    PictureOptions,
    convert_folder,
    convert_picture,
    picture_pairs,
    require_writable,
    videos,
)

Expand = Callable[[np.ndarray], np.ndarray]

OPTIONS = PictureOptions()


def picture(path: Path, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_png(path, np.random.default_rng(seed).random((8, 8, 3)))
    return path


def test_a_picture_states_its_primaries(tmp_path: Path, halves: Expand) -> None:
    source = picture(tmp_path / "a.png", 0)
    convert_picture(source, tmp_path / "deep" / "a.exr", halves, PictureOptions(colours="bt2020", white_nits=400))
    header = OpenEXR.File(str(tmp_path / "deep" / "a.exr")).header()
    np.testing.assert_allclose(header["chromaticities"][:2], (0.708, 0.292), atol=1e-6)
    assert header["whiteLuminance"] == 400
    convert_picture(source, tmp_path / "a.tif", halves, OPTIONS)
    np.testing.assert_array_equal(read(tmp_path / "a.tif"), halves(read_ldr(source)))


def test_ultra_hdr_base_pictures_are_read_as_p3(tmp_path: Path, halves: Expand) -> None:
    source = picture(tmp_path / "a.png", 0)
    convert_picture(source, tmp_path / "p3.exr", halves, PictureOptions(input_primaries="p3"))
    convert_picture(source, tmp_path / "srgb.exr", halves, OPTIONS)
    p3 = read(tmp_path / "p3.exr")
    np.testing.assert_allclose(p3, halves(read_ldr(source, "p3")), atol=1e-6)
    assert np.abs(p3 - read(tmp_path / "srgb.exr")).max() > 0.01


def test_what_is_odd_about_a_picture_is_told(tmp_path: Path, halves: Expand) -> None:
    named_wrongly = picture(tmp_path / "a.png", 0).rename(tmp_path / "a.jpg")
    [note] = convert_picture(named_wrongly, tmp_path / "a.exr", halves, OPTIONS)
    assert "holds PNG data" in note


def test_a_folder_goes_on_where_it_was(tmp_path: Path, halves: Expand) -> None:
    folder, output = tmp_path / "in", tmp_path / "out"
    picture(folder / "a.png", 0)
    picture(folder / "sub" / "b.png", 1)
    (folder / "broken.png").write_bytes(b"broken")
    pairs = picture_pairs(folder, output, ".exr")
    first = convert_folder(pairs, output, halves, model={"m": 1}, options=OPTIONS)
    assert first.written == [output / "a.exr", output / "sub" / "b.exr"]
    assert list(first.failures) == [str(folder / "broken.png")]
    (output / "a.exr").unlink()
    picture(folder / "sub" / "b.png", 2)
    picture(folder / "c.png", 3)
    pairs = picture_pairs(folder, output, ".exr")
    second = convert_folder(pairs, output, halves, model={"m": 1}, options=OPTIONS)
    assert second.written == [output / "a.exr", output / "c.exr", output / "sub" / "b.exr"]
    third = convert_folder(pairs, output, halves, model={"m": 1}, options=OPTIONS)
    assert (third.written, len(third.skipped)) == ([], 3)
    assert len(convert_folder(pairs, output, halves, model={"m": 2}, options=OPTIONS).written) == 3


def test_namesakes_keep_their_kind(tmp_path: Path) -> None:
    for name in ("a.jpg", "a.png", "b.png"):
        (tmp_path / name).write_bytes(b"x")
    targets = [target.name for _, target in picture_pairs(tmp_path, tmp_path / "out", ".exr")]
    assert targets == ["a.jpg.exr", "a.png.exr", "b.exr"]


def test_formats_that_cannot_say_what_is_asked_are_refused(tmp_path: Path) -> None:
    require_writable(".exr", "bt2020")
    with pytest.raises(UsageError, match=r"bt2020 cannot be stated in \.tif; write \.exr"):
        require_writable(".tif", "bt2020")
    with pytest.raises(UsageError, match=r"cannot write '\.gif'"):
        require_writable(".gif", "bt709")
    with pytest.raises(UsageError, match=r"cannot write '\.dng'; allowed: \.hdr, \.exr, \.pfm, \.tif, \.tiff$"):
        require_writable(".dng", "bt709")
    with pytest.raises(UsageError, match="holds no"):
        picture_pairs(tmp_path, tmp_path, ".exr")


def test_a_source_is_never_replaced(tmp_path: Path, halves: Expand) -> None:
    source = picture(tmp_path / "a.png", 0).rename(tmp_path / "a.tif")
    before = source.read_bytes()
    (tmp_path / "sub").mkdir()
    with pytest.raises(UsageError, match="is what is to be converted"):
        convert_picture(source, source, halves, OPTIONS)
    with pytest.raises(UsageError, match="would mix with the pictures there"):
        picture_pairs(tmp_path, tmp_path / "sub" / "..", ".tif")
    assert source.read_bytes() == before


def test_results_inside_the_folder_are_no_sources(tmp_path: Path) -> None:
    sources = [picture(tmp_path / name, 0) for name in ("a.png", "out/b.png")]
    assert [source for source, _ in picture_pairs(tmp_path, tmp_path / "out", ".exr")] == sources[:1]
    assert [source for source, _ in picture_pairs(tmp_path, tmp_path / "out" / ".." / "out", ".exr")] == sources[:1]


def test_videos_of_a_folder_are_listed(tmp_path: Path) -> None:
    for name in ("a.MP4", "b.png", ".c.mp4", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    assert videos(tmp_path, tmp_path / "out") == [tmp_path / "a.MP4"]
