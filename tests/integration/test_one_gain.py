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

SIZE = 64


def test_from_training_to_ultra_hdr(exporter: ExportProcess, tmp_path: Path) -> None:
    arch = MQNArch(attention="none", gain_scale=4, output_channels=1, encoder_weights="random", input_size=SIZE)
    training = Training(codec="gain", clipped_weight=8.0, epochs=1, lambda_features=0.0)
    trained = train(arch, training, locate(None), tmp_path / "run")
    assert checkpoint.load(trained)[:2] == (arch, training)

    float_file = exporter.run("convert", checkpoint=trained, directory=tmp_path / "float")
    pictures = np.random.default_rng(0).random((4, SIZE, SIZE, 3), dtype=np.float32)
    # Neither a copy of the map a channel, nor a convolution to three channels: it is broadcast where it is added.
    network = Network.read(float_file)
    shapes = {network.kind(one): tuple(network.tensors[one.outputs[0]].shape[1:]) for one in network.operators}
    assert shapes["TANH"] == (SIZE, SIZE, 1)
    assert shapes["RESIZE_BILINEAR"] == (SIZE, SIZE, 1)
    with torch.no_grad():
        wanted = checkpoint.load(trained)[2](torch.from_numpy(pictures[:1].transpose(0, 3, 1, 2).copy()))
    found = Runner([float_file], "gain").infer(pictures[0])
    assert np.abs(found - wanted[0].numpy().transpose(1, 2, 0)).max() <= 1e-4
    parity = json.loads((float_file.parent / "parity.json").read_text())
    assert max(parity["torch_vs_twin"], parity["twin_vs_tflite"]) <= 1e-4

    # Each side with integers, and both: the gain stays one gain, the output what it was, however it is rewritten.
    for plan in (Plan(), Plan(head="static_wi8_ai8"), Plan(layout="pair")):
        rewritten, plain = (
            exporter.run(
                "quantize",
                float_model=float_file,
                plan=Plan(backbone=plan.backbone, head=plan.head, layout=plan.layout, lowering=lowering),
                calibration=pictures,
                directory=tmp_path / f"{plan.label} {lowering}",
            )
            for lowering in ("auto", "none")
        )
        lowered, quantized = (Runner(files, "gain").infer(pictures[0]) for files in (rewritten, plain))
        assert np.abs(quantized - found).max() < 0.05, plan.label
        assert np.abs(lowered - quantized).max() <= 0.02, plan.label  # Two steps of 8 bits: norms are added otherwise.
        stops = gain_stops(lowered, pictures[0])
        assert np.ptp(stops, axis=-1).max() < 0.35, plan.label

    (tmp_path / "a.jpg").write_bytes(jpeg(gradient(96, 64)[1]))
    folder = write_manifest(tmp_path / f"{Plan().label} auto" / "model.tflite", codec="gain", input_size=SIZE)
    made = tmp_path / "a_hdr.jpg"
    assert run(["convert", str(tmp_path / "a.jpg"), "--model", str(folder), "--output", str(made)]) == 0
    assert decode_ultra_hdr(made).pixels.max() > 1.3
