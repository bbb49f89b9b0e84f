"""`mqn convert` as a command: what it prints, its exit codes, and that no file ends a folder."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from tests.support.jpegs import gradient, jpeg
from tests.support.records import write_manifest
from tests.support.tflite_models import convolutions
from tests.support.video_clips import moving_scene, write_clip

from mqn.cli.app import run
from mqn.hdr.gain_map.container import extract
from mqn.hdr.io.files import read, write_png
from mqn.hdr.kinds.jpeg import first_frame
from mqn.infer.picture import MAP_PIXELS

SIZE = 32


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A convolution with a manifest."""
    folder = tmp_path_factory.mktemp("bundle")
    model = folder / "model.tflite"
    model.write_bytes(convolutions(SIZE, 3, signed=True))
    return str(write_manifest(model, codec="log", input_size=SIZE))


def pictures(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for seed, name in enumerate(names):
        write_png(folder / "x.png", np.random.default_rng(seed).random((40, 40, 3)))
        (folder / "x.png").rename(folder / name)
    return folder


def test_colliding_and_odd_names_give_a_result_each(
    bundle: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = [os.fsdecode(name) for name in (b"caf\xe9.png", b"\xd6\xd0.png", b"line\nbreak.png")]
    folder = pictures(tmp_path / "in", "a.jpg", "a.jpg.bmp", "a.png", *odd)
    command = ["convert", str(folder), "--model", bundle, "--output", str(tmp_path / "out"), "--json"]
    assert run(command) == 0
    document = json.loads(capsys.readouterr().out)
    results = [Path(name) for name in document["written"]]
    assert len({result.name for result in results}) == 6
    assert {"a.jpg.exr", "a.jpg.bmp.exr", "a.png.exr", "caf\udce9.exr"} <= {result.name for result in results}
    assert all(read(result).shape == (40, 40, 3) for result in results)
    (tmp_path / "out" / "line\nbreak.exr").unlink()
    assert run(command[:-1]) == 0
    assert capsys.readouterr().out == f"{tmp_path}/out/line\\nbreak.exr\n"
    assert run(command[:-1]) == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert "6 of 6 were finished before" in told.err


def test_one_bad_file_is_told_and_ends_nothing(bundle: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = pictures(tmp_path / "in", "a.png", "z.png")
    (folder / "b\udce9.png").write_bytes(b"no picture")
    os.mkfifo(folder / "c.png")
    for name in ("d.CR3", "e.mp4"):
        (folder / name).write_bytes(b"x")
    assert run(["convert", str(folder), "--model", bundle, "--output", str(tmp_path / "out")]) == 1
    told = capsys.readouterr()
    assert [Path(line).name for line in told.out.splitlines()] == ["a.exr", "z.exr"]
    assert "b\\xe9.png: is no picture" in told.err
    assert "c.png: is no ordinary file" in told.err
    assert "of kinds that are not read are left out: d.CR3" in told.err
    assert "give each by itself: e.mp4" in told.err


def test_a_damaged_recording_is_converted_and_ends_with_1(
    bundle: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = write_clip(tmp_path / "c.ts", moving_scene(24), codec="mpeg2video")
    data = bytearray(clip.read_bytes())
    place = len(data) // 376 * 188
    data[place : place + 400] = bytes(400)
    clip.write_bytes(data)
    assert run(["convert", str(clip), "--model", bundle, "--output", str(tmp_path / "seq"), "--json"]) == 1
    told = capsys.readouterr()
    document = json.loads(told.out)
    assert 20 < document["frames"] <= 24
    assert len(document["written"]) == document["frames"]
    assert f"mqn: {document['failures'][str(clip)]}" in told.err


def test_an_ultra_hdr_file_out_and_in(bundle: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, made = tmp_path / "a.jpg", tmp_path / "b.jpg"
    source.write_bytes(jpeg(gradient(40, 40)[1]))
    assert run(["convert", str(source), "--model", bundle, "--output", str(made)]) == 0
    assert run(["convert", str(made), "--from-gain-map", "--output", str(tmp_path / "c.exr")]) == 0
    assert "its gain map is applied; 1.0 is SDR white" in capsys.readouterr().err
    assert read(tmp_path / "c.exr") == pytest.approx(read(made), abs=1e-6)
    again = ["convert", str(made), "--model", bundle, "--output", str(tmp_path / "d.jpg")]
    assert run(again) == 1
    assert "b.jpg: has a gain map already; --overwrite-gain-map replaces it" in capsys.readouterr().err
    assert run([*again, "--overwrite-gain-map", "--gain-map-channels", "3", "--gain-map-scale", "2"]) == 0
    told = capsys.readouterr().err
    assert "is the base picture of an Ultra HDR file; its gain map is not applied" in told
    assert read(tmp_path / "d.jpg").shape == (40, 40, 3)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (
            ["--output", "b.png"],
            "cannot write '.png'; allowed: .hdr, .exr, .pfm, .tif, .tiff, and .jpg with a gain map",
        ),
        (["--output", "b.heic"], "cannot write '.heic'; allowed"),
        (["--output", "a.jpg"], "a.jpg is what is to be converted"),
        (["--output", "b.jpg", "--gain-map-channels", "2"], "--gain-map-channels 2; allowed: 1, 3"),
        (["--output", "b.jpg", "--gain-map-scale", "3"], "--gain-map-scale 3; allowed: 1, 2, 4"),
        (["--output", "b.exr", "--from-gain-map"], "--from-gain-map takes the picture's own HDR; leave out --model"),
    ],
)
def test_what_cannot_be_asked_of_ultra_hdr(
    words: list[str],
    reason: str,
    bundle: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    source = jpeg(gradient()[1])
    Path("a.jpg").write_bytes(source)
    assert run(["convert", "a.jpg", "--model", bundle, *words]) == 2
    assert reason in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["a.jpg"]
    assert Path("a.jpg").read_bytes() == source


@pytest.mark.slow
def test_a_model_that_gives_gains_writes_a_small_map(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.tflite").write_bytes(convolutions(SIZE, 3, signed=True))
    model = write_manifest(tmp_path / "model" / "model.tflite", codec="gain", input_size=SIZE)
    (tmp_path / "a.jpg").write_bytes(jpeg(gradient(1500, 1000)[1]))
    sizes = {}
    for words in ((), ("--gain-map-scale", "1")):
        made = tmp_path / "b.jpg"
        assert run(["convert", str(tmp_path / "a.jpg"), "--model", str(model), "--output", str(made), *words]) == 0
        frame = first_frame(extract(made.read_bytes()).jpeg)
        assert frame is not None
        sizes[words] = frame.width * frame.height
    assert 0.8 * MAP_PIXELS < sizes[()] <= MAP_PIXELS
    assert sizes["--gain-map-scale", "1"] == 1500 * 1000


@pytest.mark.slow
def test_the_model_in_the_box_needs_no_name(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(gradient(96, 64)[1]))
    for name, words in (("b.exr", []), ("c.exr", ["--model", "default"])):
        assert run(["convert", str(tmp_path / "a.jpg"), "--output", str(tmp_path / name), *words]) == 0
    assert (tmp_path / "b.exr").read_bytes() == (tmp_path / "c.exr").read_bytes()


def test_without_a_model_only_gain_maps_are_applied(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, words, reason in (
        (
            "a.jpg",
            ["--from-gain-map", "--output", str(tmp_path / "b.jpg")],
            "takes an Ultra HDR file apart; write .exr",
        ),
        ("a.mp4", ["--from-gain-map"], "is for Ultra HDR pictures"),
    ):
        (tmp_path / name).write_bytes(jpeg(gradient()[1]))
        assert run(["convert", str(tmp_path / name), "--output", str(tmp_path / "b.exr"), *words]) == 2
        assert reason in capsys.readouterr().err
