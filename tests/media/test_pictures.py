"""Pictures and folders: targets, failures named, nothing made twice."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest
from tests.support.jpegs import display_p3, gradient, jpeg

from mqn.errors import UsageError
from mqn.hdr.io.files import read, read_ldr, write_png
from mqn.hdr.io.ultra_hdr import GainMapOptions
from mqn.hdr.primaries import change_primaries
from mqn.media import pictures
from mqn.media.pictures import (
    LEDGER,
    PictureOptions,
    PictureReport,
    convert_folder,
    convert_picture,
    folder_pictures,
    left_out,
    require_writable,
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


def run(folder: Path, output: Path, expand: Expand, model: int = 1) -> PictureReport:
    sources = folder_pictures(folder, output, ".exr")
    return convert_folder(sources, folder, output, ".exr", expand, model={"m": model}, options=OPTIONS)


def test_a_folder_goes_on_where_it_was(tmp_path: Path, halves: Expand) -> None:
    folder, output = tmp_path / "in", tmp_path / "out"
    picture(folder / "a.png", 0)
    picture(folder / "sub" / "b.png", 1)
    (folder / "broken.png").write_bytes(b"broken")
    first = run(folder, output, halves)
    assert first.written == [output / "a.exr", output / "sub" / "b.exr"]
    assert list(first.failures) == [str(folder / "broken.png")]
    (output / "a.exr").unlink()
    picture(folder / "sub" / "b.png", 2)
    picture(folder / "c.png", 3)
    second = run(folder, output, halves)
    assert second.written == [output / "a.exr", output / "c.exr", output / "sub" / "b.exr"]
    third = run(folder, output, halves)
    assert (third.written, len(third.skipped)) == ([], 3)
    assert len(run(folder, output, halves, model=2).written) == 3


def test_names_that_collide_give_each_its_result(tmp_path: Path, halves: Expand) -> None:
    folder, output = tmp_path / "in", tmp_path / "out"
    for seed, name in enumerate(("a.jpg", "a.jpg.bmp", "a.png", "b.png")):
        picture(folder / "x.png", seed).rename(folder / name)
    written = run(folder, output, halves).written
    assert [file.name for file in written] == ["a.jpg.exr", "a.jpg.bmp.exr", "a.png.exr", "b.exr"]
    for source, target in zip(("a.jpg", "a.jpg.bmp", "a.png", "b.png"), written, strict=True):
        np.testing.assert_array_equal(read(target), halves(read_ldr(folder / source)))
    again = run(folder, output, halves)
    assert (again.written, again.skipped) == ([], written)


def test_a_picture_that_is_added_leaves_the_others_their_names(tmp_path: Path, halves: Expand) -> None:
    folder, output = tmp_path / "in", tmp_path / "out"
    picture(folder / "a.png", 0)
    run(folder, output, halves)
    picture(folder / "x.png", 1).rename(folder / "a.jpg")
    second = run(folder, output, halves)
    assert (second.written, second.skipped) == ([output / "a.jpg.exr"], [output / "a.exr"])
    (folder / "a.png").unlink()
    third = run(folder, output, halves)
    assert (third.written, third.skipped) == ([], [output / "a.jpg.exr"])


def test_files_that_are_no_results_are_never_replaced(tmp_path: Path, halves: Expand) -> None:
    folder, output = tmp_path / "in", tmp_path / "out"
    picture(folder / "a.png", 0)
    picture(folder / "b.png", 1)
    output.mkdir()
    (output / "a.exr").write_bytes(b"the user's own")
    report = run(folder, output, halves)
    assert (output / "a.exr").read_bytes() == b"the user's own"
    assert "is there already and is no result of this command" in report.failures[str(folder / "a.png")]
    assert report.written == [output / "b.exr"]


def test_two_folders_may_share_an_output(tmp_path: Path, halves: Expand) -> None:
    output = tmp_path / "out"
    for seed, name in enumerate(("one", "two")):
        picture(tmp_path / name / "a.png", seed)
        run(tmp_path / name, output, halves)
    assert sorted(file.name for file in output.glob("*.exr")) == ["a.exr", "a.png.exr"]
    (tmp_path / "one").rename(tmp_path / "moved")
    assert run(tmp_path / "moved", output, halves).skipped == [output / "a.exr"]


def test_results_of_a_ledger_without_sources_are_known(tmp_path: Path, halves: Expand) -> None:
    folder, output = tmp_path / "in", tmp_path / "out"
    picture(folder / "a.png", 0)
    picture(folder / "b.png", 1)
    run(folder, output, halves)
    lines = [json.loads(line) for line in (output / LEDGER).read_text().splitlines()]
    kept = [{key: line[key] for key in ("target", "work")} for line in lines[1:] if line["work"]]
    (output / LEDGER).write_text("".join(json.dumps(line) + "\n" for line in (lines[0], *kept)))
    picture(folder / "x.png", 2).rename(folder / "a.jpg")
    report = run(folder, output, halves)
    assert (report.written, report.skipped) == ([output / "a.jpg.exr"], [output / "a.exr", output / "b.exr"])


def test_results_of_another_revision_are_made_again(
    tmp_path: Path, halves: Expand, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, output = tmp_path / "in", tmp_path / "out"
    picture(folder / "a.png", 0)
    run(folder, output, halves)
    monkeypatch.setattr(pictures, "REVISION", 99)
    for expected in ([output / "a.exr"], []):
        report = run(folder, output, halves)
        assert (report.written, report.failures) == (expected, {})


@pytest.mark.parametrize("name", [b"caf\xe9", b"\xd6\xd0\xce\xc4", b"line\nbreak", b"\x1b[31m", "é".encode() * 120])
def test_any_name_that_a_file_can_have_is_converted(name: bytes, tmp_path: Path, halves: Expand) -> None:
    folder, output = tmp_path / "in", tmp_path / "out"
    odd = os.fsdecode(name)
    picture(folder / odd / "x.png", 0).rename(folder / odd / f"{odd}.png")
    picture(folder / "z.png", 1)
    report = run(folder, output, halves)
    assert report.failures == {}
    assert sorted(report.written) == sorted([output / odd / f"{odd}.exr", output / "z.exr"])
    assert read(output / odd / f"{odd}.exr").shape == (8, 8, 3)
    assert len(run(folder, output, halves).skipped) == 2


def test_one_bad_file_never_ends_a_folder(tmp_path: Path, halves: Expand) -> None:
    folder, output = tmp_path / "in", tmp_path / "out"
    picture(folder / "z.png", 0)
    os.mkfifo(folder / "pipe.png")
    (folder / "nowhere.png").symlink_to(folder / "gone.png")
    (folder / "folder.png").mkdir()
    long = "n" * 251 + ".png"
    picture(folder / "x.png", 1).rename(folder / long)
    (output / "z.exr").mkdir(parents=True)
    picture(folder / "y.png", 2)
    report = run(folder, output, halves)
    assert report.written == [output / (long[:-4] + ".exr"), output / "y.exr"]
    assert sorted(Path(name).name for name in report.failures) == ["nowhere.png", "pipe.png", "z.png"]
    assert "is no ordinary file" in report.failures[str(folder / "pipe.png")]


def test_formats_that_cannot_say_what_is_asked_are_refused(tmp_path: Path) -> None:
    require_writable(".exr", "bt2020")
    with pytest.raises(UsageError, match=r"bt2020 cannot be stated in \.tif; write \.exr"):
        require_writable(".tif", "bt2020")
    with pytest.raises(UsageError, match=r"cannot write '\.gif'"):
        require_writable(".gif", "bt709")
    with pytest.raises(
        UsageError, match=r"cannot write '\.dng'; allowed: \.hdr, \.exr, \.pfm, \.tif, \.tiff, and \.jpg with"
    ):
        require_writable(".dng", "bt709")
    with pytest.raises(UsageError, match="holds no"):
        folder_pictures(tmp_path, tmp_path, ".exr")


def test_a_source_is_never_replaced(tmp_path: Path, halves: Expand) -> None:
    source = picture(tmp_path / "a.png", 0).rename(tmp_path / "a.tif")
    before = source.read_bytes()
    (tmp_path / "sub").mkdir()
    with pytest.raises(UsageError, match="is what is to be converted"):
        convert_picture(source, source, halves, OPTIONS)
    with pytest.raises(UsageError, match="would mix with the pictures there"):
        folder_pictures(tmp_path, tmp_path / "sub" / "..", ".tif")
    assert source.read_bytes() == before


def test_results_inside_the_folder_are_no_sources(tmp_path: Path) -> None:
    sources = [picture(tmp_path / name, 0) for name in ("a.png", "out/b.png")]
    assert folder_pictures(tmp_path, tmp_path / "out", ".exr") == sources[:1]
    assert folder_pictures(tmp_path, tmp_path / "out" / ".." / "out", ".exr") == sources[:1]


def test_videos_and_pictures_that_are_not_read_are_listed(tmp_path: Path) -> None:
    for name in ("a.MP4", "b.png", ".c.mp4", "notes.txt", "d.CR3", "e.pic", "f.exr"):
        (tmp_path / name).write_bytes(b"x")
    assert left_out(tmp_path, tmp_path / "out") == (
        [tmp_path / "a.MP4"],
        [tmp_path / "d.CR3", tmp_path / "e.pic"],
        [],
    )


def test_a_folder_that_cannot_be_listed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "closed").mkdir()
    kept = picture(tmp_path / "open" / "a.png", 0)
    scan = os.scandir

    def refuse(path: str | int) -> Any:
        if Path(str(path)).name == "closed":
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert left_out(tmp_path, tmp_path / "out") == ([], [], [tmp_path / "closed"])
    assert folder_pictures(tmp_path, tmp_path / "out", ".exr") == [kept]


def test_an_ultra_hdr_file_keeps_its_base_and_gives_back_the_light(tmp_path: Path, halves: Expand) -> None:
    _, codes = gradient()
    (tmp_path / "a.jpg").write_bytes(jpeg(codes, orientation=6))
    options = PictureOptions(gain_map=GainMapOptions())
    # Twice as bright where the base is clipped.
    expand: Expand = lambda ldr: np.where(ldr > 0.99, 4, 1) * halves(ldr)  # noqa: E731
    convert_picture(tmp_path / "a.jpg", tmp_path / "b.jpg", expand, options)
    np.testing.assert_array_equal(read_ldr(tmp_path / "b.jpg"), read_ldr(tmp_path / "a.jpg"))
    [note] = convert_picture(tmp_path / "b.jpg", tmp_path / "c.exr", None, OPTIONS)
    assert note == "its gain map is applied; 1.0 is SDR white"
    header = OpenEXR.File(str(tmp_path / "c.exr")).header()
    assert header["whiteLuminance"] == 203
    made = read(tmp_path / "c.exr")
    assert made.shape == (40, 24, 3)
    # The level of the mid-tones, where the model halves, is the base's again.
    assert np.median(made / (2 * expand(read_ldr(tmp_path / "a.jpg")))) == pytest.approx(1, abs=0.01)


def test_ultra_hdr_results_are_made_once_for_each_setting(tmp_path: Path, halves: Expand) -> None:
    folder, output = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(jpeg(gradient()[1]))
    picture(folder / "b.png", 0)
    written = []
    for quality in (90, 90, 95):
        options = PictureOptions(gain_map=GainMapOptions(quality=quality))
        sources = folder_pictures(folder, output, ".jpg")
        report = convert_folder(sources, folder, output, ".jpg", halves, model={}, options=options)
        assert "holds PNG data" in report.failures[str(folder / "b.png")]
        written.append(report.written)
    assert written == [[output / "a.jpg"], [], [output / "a.jpg"]]


def test_colours_beyond_bt709_reach_bt2020(tmp_path: Path, halves: Expand) -> None:
    green = np.broadcast_to(np.array([20, 250, 20], np.uint8), (16, 16, 3))
    (tmp_path / "a.jpg").write_bytes(jpeg(green, profile=display_p3()))
    convert_picture(tmp_path / "a.jpg", tmp_path / "b.jpg", halves, PictureOptions(gain_map=GainMapOptions()))
    convert_picture(tmp_path / "b.jpg", tmp_path / "c.exr", None, PictureOptions(colours="bt2020"))
    convert_picture(tmp_path / "b.jpg", tmp_path / "d.tif", None, OPTIONS)
    stored = OpenEXR.File(str(tmp_path / "c.exr")).channels()["RGB"].pixels
    assert change_primaries(stored, "bt2020", "bt709")[..., 0].max() < -0.05
    assert read(tmp_path / "d.tif")[..., 0].max() == 0
