"""A network with one gain for all channels, from its training to an Ultra HDR file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.support.jpegs import gradient, jpeg
from tests.support.records import write_manifest

from mqn.cli.app import run
from mqn.data.location import locate
from mqn.export.process import ExportProcess
from mqn.families.mqn.arch import MQNArch
from mqn.hdr.gains import gain_stops
from mqn.hdr.io.ultra_hdr import decode_ultra_hdr
from mqn.infer.runner import Runner
from mqn.models import checkpoint
from mqn.records import Plan, Training
from mqn.tflite.flatbuffer import Network
from mqn.train.loop import train

pytestmark = pytest.mark.integration

SIZE = 32


def test_from_training_to_ultra_hdr(exporter: ExportProcess, tmp_path: Path) -> None:
    arch = MQNArch(attention="none", gain_scale=4, output_channels=1, encoder_weights="random", input_size=SIZE)
    training = Training(codec="gain", clipped_weight=8.0, epochs=1, lambda_features=0.0)
    trained = train(arch, training, locate(None), tmp_path / "run")
    assert checkpoint.load(trained)[:2] == (arch, training)

    float_file = exporter.run("convert", checkpoint=trained, directory=tmp_path / "float")
    pictures = np.random.default_rng(0).random((4, SIZE, SIZE, 3), dtype=np.float32)
    # Made once, and copied for the colours where it is smallest.
    network = Network.read(float_file)
    shapes = {network.kind(one): tuple(network.tensors[one.outputs[0]].shape[1:]) for one in network.operators}
    assert shapes["TANH"] == (SIZE, SIZE, 1)
    assert shapes["AVERAGE_POOL_2D"] == (SIZE // 4, SIZE // 4, 1)
    assert shapes["RESIZE_BILINEAR"] == (SIZE, SIZE, 3)
    with torch.no_grad():
        wanted = checkpoint.load(trained)[2](torch.from_numpy(pictures[:1].transpose(0, 3, 1, 2).copy()))
    found = Runner([float_file], "gain").infer(pictures[0])
    assert np.abs(found - wanted[0].numpy().transpose(1, 2, 0)).max() <= 1e-4
    parity = json.loads((float_file.parent / "parity.json").read_text())
    assert max(parity["torch_vs_twin"], parity["twin_vs_tflite"]) <= 1e-4

    # With integers the gain stays one gain, and the output what it was; the rewrites change nothing.
    outputs = {}
    for plan in (Plan(), Plan(lowering="none"), Plan(head="static_wi8_ai8")):
        folder = tmp_path / f"{plan.label} {plan.lowering}"
        files = exporter.run("quantize", float_model=float_file, plan=plan, calibration=pictures, directory=folder)
        outputs[plan] = Runner(files, "gain").infer(pictures[0])
        assert np.abs(outputs[plan] - found).max() < 0.05, plan.label
        assert np.ptp(gain_stops(outputs[plan], pictures[0]), axis=-1).max() < 0.35, plan.label
    lowered, plain, _ = outputs.values()
    assert np.abs(lowered - plain).max() <= 0.02  # Two steps of 8 bits: norms are added up in another order.

    (tmp_path / "a.jpg").write_bytes(jpeg(gradient(96, 64)[1]))
    folder = write_manifest(tmp_path / f"{Plan().label} auto" / "model.tflite", codec="gain", input_size=SIZE)
    made = tmp_path / "a_hdr.jpg"
    assert run(["convert", str(tmp_path / "a.jpg"), "--model", str(folder), "--output", str(made)]) == 0
    assert decode_ultra_hdr(made).pixels.max() > 1.3
