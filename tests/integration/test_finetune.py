"""The real network at 64 pixels, pruned and fine-tuned for a few steps in the export's own process."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mqn.errors import PlanError
from mqn.export.process import ExportProcess
from mqn.families.mqn.arch import MQNArch
from mqn.families.mqn.network import assemble
from mqn.infer.runner import Runner
from mqn.models import checkpoint
from mqn.networks.cost import cost
from mqn.records import Plan, Training
from mqn.tflite.flatbuffer import Network

pytestmark = pytest.mark.integration

SIZE = 64
ARCH = MQNArch(encoder_weights="random", input_size=SIZE)


def test_a_pruned_and_fine_tuned_network_is_quantized_like_any_other(tmp_path: Path) -> None:
    torch.manual_seed(5)
    network = assemble(ARCH).eval()
    checkpoint.save(tmp_path / "checkpoint.pt", ARCH, Training(), network)
    generator = np.random.default_rng(1)
    calibration = generator.integers(0, 256, (3, SIZE, SIZE, 3), dtype=np.uint8)
    pictures = generator.integers(0, 256, (18, SIZE, SIZE, 3), dtype=np.uint8)
    plan = Plan(method="qat", sparsity=0.5, qat_steps=3, cut="backbone.decoder.conv2", head="float32")
    with ExportProcess() as worker:
        learnt_on = {"calibration": calibration / np.float32(255), "pictures": pictures}
        whole = worker.run("convert", checkpoint=tmp_path / "checkpoint.pt", directory=tmp_path / "whole")
        pruned = worker.run(
            "prune",
            checkpoint=tmp_path / "checkpoint.pt",
            sparsity=0.5,
            steps=3,
            pictures=pictures,
            directory=tmp_path / "pruned",
        )
        given = {
            "checkpoint": pruned,
            "float_model": worker.run("convert", checkpoint=pruned, directory=tmp_path / "pruned_float"),
            "teacher": tmp_path / "checkpoint.pt",
        }
        plain = Plan(method="qat", backbone="float32", head="float32")
        with pytest.raises(PlanError, match=r"float32\+float32 qat has none"):
            worker.run("finetune", **given, **learnt_on, plan=plain, directory=tmp_path / "no")
        tuned = worker.run("finetune", **given, **learnt_on, plan=plan, directory=tmp_path / "tuned")
        (file,) = worker.run(
            "quantize",
            float_model=given["float_model"],
            plan=plan,
            calibration=learnt_on["calibration"],
            directory=tmp_path / "quantized",
            tuned=tuned,
        )
    for part in ("pruned", "tuned"):
        assert not list((tmp_path / part).glob("*.np[yz]"))
        checks = json.loads((tmp_path / part / "history.json").read_text())
        assert [check["step"] for check in checks] == [0, 3]
    smaller = checkpoint.load(pruned)[2]
    assert cost(smaller, ARCH).parameters["total"] < cost(network, ARCH).parameters["total"]
    assert _kernels(whole)["backbone/decoder/irlb_8/expand/activation"] == 720
    assert _kernels(given["float_model"])["backbone/decoder/irlb_8/expand/activation"] == 360
    assert _kernels(tuned) == _kernels(given["float_model"])
    found = Runner([file], "linear").infer(calibration[0] / np.float32(255))
    expected = Runner([whole], "linear").infer(calibration[0] / np.float32(255))
    assert found.shape == (SIZE, SIZE, 3)
    assert 0 < np.abs(found - expected).max() < 0.5


def _kernels(file: Path) -> dict[str, int]:
    """Output channels of every convolution, by the name of its output."""
    network = Network.read(file)
    return {
        network.tensors[operator.outputs[0]].name: network.tensors[operator.inputs[1]].shape[0]
        for operator in network.operators
        if network.kind(operator) == "CONV_2D"
    }
