"""Cuts, schemes and rules on the real network, converted once at 64 pixels; every file in a plain interpreter."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.support.readme_code import check_outside, run_readme
from torch import nn

from mqn.errors import PlanError
from mqn.export.process import ExportProcess
from mqn.export.quantize.audit import audit_file
from mqn.export.quantize.quantization import quantize
from mqn.export.quantize.rules import assign, layer_name
from mqn.families.mqn.arch import MQNArch
from mqn.families.mqn.network import assemble
from mqn.infer.runner import Runner
from mqn.models import checkpoint
from mqn.networks.cost import cuts, pair_cuts
from mqn.records import Plan, Training
from mqn.report.bundle.readme import readme
from mqn.tflite.cutting import cut_tensor
from mqn.tflite.flatbuffer import Network
from mqn.tflite.resize import retarget

pytestmark = pytest.mark.integration

SIZE = 64
ARCH = MQNArch(encoder_weights="random", input_size=SIZE)

PLANS = [
    Plan(cut="backbone.encoder.block_5", head="static_wi8_ai16"),
    Plan(cut="backbone.encoder.block_1.expand", backbone="float16", head="dynamic_wi4_afp32", layout="pair"),
    Plan(cut="backbone.decoder.irlb_16a.depthwise", backbone="static_wi4_ai8", head="static_wi8_ai8"),
    Plan(cut="head.conv3", backbone="static_wi8_ai16", head="static_wi8_ai8", calibration="percentile"),
    Plan(rules="decoder.*=static_wi8_ai16; head.conv3=float32; decoder.irlb_8=static_wi8_ai8", calibration="mse"),
    Plan(backbone="float32", head="float32", rules="*.depthwise=dynamic_wi8_afp32; *.expand=static_wi4_ai8"),
    Plan(head="float32", rules="*.attention=float32", layout="pair", calibration="moving_average"),
]


@pytest.fixture(scope="session")
def float_file(exporter: ExportProcess, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("float")
    torch.manual_seed(5)
    network = assemble(ARCH).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, 0, 0.3)
            nn.init.uniform_(module.running_var, 0.5, 2)
    checkpoint.save(folder / "checkpoint.pt", ARCH, Training(), network)
    return Path(exporter.run("convert", checkpoint=folder / "checkpoint.pt", directory=folder))


@pytest.fixture(scope="session")
def pictures() -> np.ndarray:
    return np.random.default_rng(1).random((3, SIZE, SIZE, 3), dtype=np.float32)


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.label)
def test_a_plan_runs_outside_the_project(float_file: Path, pictures: np.ndarray, tmp_path: Path, plan: Plan) -> None:
    files = quantize(float_file, plan, pictures, tmp_path)
    picture = np.rint(pictures[0] * 255).astype(np.uint8)
    check_outside(tmp_path)
    found = run_readme(readme(plan.label, [file.name for file in files], "linear", SIZE), tmp_path, picture)
    expected = Runner(files, "linear").predict(picture / np.float32(255))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    assert found.std() > 0.01
    parity = json.loads((tmp_path / "parity.json").read_text())
    assert 0 < parity["output"]["rms"] < 0.1


def test_two_files_cut_at_a_smaller_size_are_resized_alike(float_file: Path, tmp_path: Path) -> None:
    cut = "backbone.encoder.block_1.expand"
    plan = Plan(cut=cut, backbone="float32", head="float32", layout="pair")
    files = quantize(float_file, plan, np.zeros((0, SIZE, SIZE, 3), np.float32), tmp_path)
    wide = [retarget(file, tmp_path / f"wide-{file.name}", 96, 160) for file in (float_file, *files)]
    ldr = np.random.default_rng(2).random((96, 160, 3), dtype=np.float32)
    whole, pair = Runner(wide[:1], "linear"), Runner(wide[1:], "linear")
    np.testing.assert_allclose(pair.infer(ldr), whole.infer(ldr), atol=1e-5)


def test_every_cut_is_legal_in_one_file(float_file: Path) -> None:
    network = Network.read(float_file)
    names = cuts(assemble(ARCH), ARCH)
    sides = []
    for cut in names:
        plan = Plan(cut=cut, head="float32")
        schemes = assign(network, cut_tensor(float_file, cut), plan)
        sides.append(schemes.count("static_wi8_ai8"))
    assert min(sides) >= 3
    # Behind the interface come the head's three convolutions; its norms stay in float.
    assert max(sides) == sides[-1] == sides[names.index("interface")] + 3


def test_a_cut_beside_skips_makes_no_two_files(float_file: Path, pictures: np.ndarray, tmp_path: Path) -> None:
    cut = "backbone.encoder.block_5"
    assert cut not in pair_cuts(assemble(ARCH), ARCH)
    with pytest.raises(PlanError, match="what follows also needs backbone/encoder/block_1/expand/activation"):
        quantize(float_file, Plan(cut=cut, layout="pair"), pictures, tmp_path / "q")


def test_the_audit_says_what_the_rules_said(float_file: Path, pictures: np.ndarray, tmp_path: Path) -> None:
    plan = Plan(head="float32", rules="decoder.conv2=static_wi8_ai16; decoder.conv3=float16")
    (file,) = quantize(float_file, plan, pictures, tmp_path)
    kinds = {(one.kind, one.inputs, one.weights): one.count for one in audit_file(file).kinds}
    assert kinds["CONV_2D", "int16", "int8"] == 1
    outside = [one.name for one in audit_file(file).outside]
    assert "backbone/decoder/conv2/activation" in outside
    network = Network.read(float_file)
    convolutions = [layer_name(network, o) for o in network.operators if network.kind(o) == "CONV_2D"]
    # All of the backbone's but two are 8-bit ones; the head's three and conv3 compute in float.
    assert kinds["CONV_2D", "int8", "int8"] == len(convolutions) - 2 - 3
    assert kinds["CONV_2D", "float32", "float32"] == 4
