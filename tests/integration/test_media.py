"""`mqn convert` as a user types it: a real exported network, killed with -9 in the middle, gone on with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from tests.support.records import write_manifest
from tests.support.video_clips import moving_scene, write_clip

from mqn.export.process import ExportProcess
from mqn.families.mqn.arch import MQNArch
from mqn.families.mqn.network import assemble
from mqn.hdr.io.files import read, write_png
from mqn.models import checkpoint
from mqn.records import Training

pytestmark = pytest.mark.integration

SIZE = 64
FRAMES = 60


@pytest.fixture(scope="module")
def bundle(exporter: ExportProcess, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network with random weights, really converted."""
    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(1)
    arch = MQNArch(attention="ca", encoder_weights="random", input_size=SIZE)
    checkpoint.save(folder / "checkpoint.pt", arch, Training(), assemble(arch).eval())
    exporter.run("convert", checkpoint=folder / "checkpoint.pt", directory=folder)
    model = (folder / "model.float32.tflite").rename(folder / "model.tflite")
    return write_manifest(model, codec="log", input_size=SIZE)


def command(source: Path, bundle: Path, output: Path, *options: str) -> list[str]:
    words = ["convert", str(source), "--model", str(bundle), "--output", str(output), "--json", *options]
    return [sys.executable, "-m", "mqn", *words]


def convert(*arguments: Any) -> tuple[int, dict[str, Any], str]:
    done = subprocess.run(command(*arguments), capture_output=True, text=True, check=False)
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr


def wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None, "the conversion ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_killed_conversion_goes_on_and_ends_the_same(bundle: Path, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", moving_scene(FRAMES, 96, 160), sound="aac")
    options = ("--damp", "0.3", "--preset", "ultrafast")
    output = tmp_path / "hdr.mp4"
    with subprocess.Popen(command(clip, bundle, output, *options), stdout=subprocess.DEVNULL) as process:
        wait_for(tmp_path / ".hdr.mp4.partial" / "000001.hevc", process)  # The first run is in the ledger by then.
        os.kill(process.pid, signal.SIGKILL)
    assert not output.exists()
    code, resumed, _ = convert(clip, bundle, output, *options)
    assert (code, resumed["frames"], resumed["failures"]) == (0, FRAMES, {})
    assert resumed["resumed"] in (24, 48)
    code, straight, _ = convert(clip, bundle, tmp_path / "straight.mp4", *options)
    assert straight["resumed"] == 0
    assert resumed["flicker"] == straight["flicker"]
    assert output.read_bytes() == (tmp_path / "straight.mp4").read_bytes()
    with av.open(str(output)) as container:
        assert sum(1 for _ in container.decode(video=0)) == FRAMES
        assert len(container.streams.audio) == 1


def test_a_folder_names_what_cannot_be_read_and_skips_what_is_finished(bundle: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for index in range(2):
        write_png(folder / f"{index}.png", np.random.default_rng(index).random((40, 70, 3)))
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")
    code, first, told = convert(folder, bundle, tmp_path / "out")
    assert (code, len(first["written"]), list(first["failures"])) == (1, 2, [str(folder / "broken.jpg")])
    assert "broken.jpg" in told
    assert read(tmp_path / "out" / "0.exr").shape == (40, 70, 3)
    code, second, _ = convert(folder, bundle, tmp_path / "out")
    assert (code, second["written"], len(second["skipped"])) == (1, [], 2)


def test_a_file_of_another_kind_is_one_line(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a picture")
    code, _, told = convert(tmp_path / "notes.txt", bundle, tmp_path / "o.mp4")
    assert code == 1
    assert told.strip().splitlines()[-1].startswith(f"mqn: {tmp_path}/notes.txt: no video that can be read")
    assert not (tmp_path / ".o.mp4.partial").exists()
