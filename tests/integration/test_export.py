"""Torch to TFLite with the real network, converter and quantizer, at 64 pixels."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from torch import nn

from mqn.errors import ExportError, ModelFileError, PlanError, WeightsError
from mqn.export.process import ExportProcess
from mqn.export.quantize.quantization import quantize
from mqn.families.mqn.arch import Attention, MQNArch
from mqn.families.mqn.network import MQN, assemble
from mqn.infer.runner import Runner
from mqn.models import checkpoint
from mqn.networks.cost import cuts
from mqn.records import Layout, Plan, Scheme, Training
from mqn.tflite.flatbuffer import Network
from mqn.tflite.resize import retarget

pytestmark = pytest.mark.integration

SIZE = 64
ARCHS = {kind: MQNArch(attention=kind, encoder_weights="random", input_size=SIZE) for kind in get_args(Attention)}
# As it is before training: many constants are equal, and the converter lets operators share them.
ARCHS["untrained"] = MQNArch(encoder_weights="random", input_size=SIZE)
# What is enlarged linearly: features in the decoder, the gain in the head.
ARCHS["bilinear"] = MQNArch(upsampling="bilinear", gain_scale=4, encoder_weights="random", input_size=SIZE)

# Every scheme beside itself, and beside the next one on either side.
SCHEMES = get_args(Scheme)
PAIRS = [*itertools.pairwise((*SCHEMES, SCHEMES[0])), *((scheme, scheme) for scheme in SCHEMES)]


@pytest.fixture(scope="session")
def networks() -> dict[str, MQN]:
    """Every attention with batch norm statistics as training leaves them: far from 0 and 1."""
    made = {}
    for name, arch in ARCHS.items():
        torch.manual_seed(5)
        made[name] = assemble(arch).eval()
        if name == "untrained":
            continue
        for module in made[name].modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.normal_(module.running_mean, 0, 0.3)
                nn.init.uniform_(module.running_var, 0.5, 2)
            if isinstance(module, nn.BatchNorm2d | nn.InstanceNorm2d):
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.normal_(module.bias, 0, 0.2)
    return made


@pytest.fixture(scope="session")
def exported(
    networks: dict[str, MQN], exporter: ExportProcess, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    files = {}
    for name, network in networks.items():
        folder = tmp_path_factory.mktemp(name)
        checkpoint.save(folder / "checkpoint.pt", ARCHS[name], Training(), network)
        files[name] = exporter.run("convert", checkpoint=folder / "checkpoint.pt", directory=folder)
    return files


@pytest.fixture(scope="session")
def pictures() -> np.ndarray:
    return np.random.default_rng(1).random((4, SIZE, SIZE, 3), dtype=np.float32)


def _torch(network: MQN, ldr: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return network(torch.from_numpy(ldr.transpose(2, 0, 1)[None].copy()))[0].numpy().transpose(1, 2, 0)


@pytest.mark.parametrize("name", ARCHS)
def test_the_file_is_the_torch_network(
    networks: dict[str, MQN], exported: dict[str, Path], pictures: np.ndarray, name: str
) -> None:
    found = Runner([exported[name]], "linear").infer(pictures[0])
    assert np.abs(found - _torch(networks[name], pictures[0])).max() <= 1e-4
    parity = json.loads((exported[name].parent / "parity.json").read_text())
    assert parity["torch_vs_twin"] <= 1e-4
    assert parity["twin_vs_tflite"] <= 1e-4


@pytest.mark.parametrize("name", ARCHS)
def test_every_cut_that_is_offered_survives(networks: dict[str, MQN], exported: dict[str, Path], name: str) -> None:
    assert list(json.loads((exported[name].parent / "cuts.json").read_text())) == cuts(networks[name], ARCHS[name])


@pytest.mark.parametrize("name", ARCHS)
@pytest.mark.parametrize(("height", "width"), [(32, 32), (96, 128)])
def test_another_size_is_the_same_network(
    networks: dict[str, MQN], exported: dict[str, Path], tmp_path: Path, name: str, height: int, width: int
) -> None:
    file = retarget(exported[name], tmp_path / "other.tflite", height, width)
    ldr = np.random.default_rng(2).random((height, width, 3), dtype=np.float32)
    assert np.abs(Runner([file], "linear").infer(ldr) - _torch(networks[name], ldr)).max() <= 1e-3


def test_a_quantized_pair_at_another_size(exported: dict[str, Path], pictures: np.ndarray, tmp_path: Path) -> None:
    pair = quantize(exported["ca"], Plan(layout="pair"), pictures, tmp_path)
    wide = [retarget(file, tmp_path / f"wide.{file.name}", 64, 128) for file in pair]
    whole = retarget(exported["ca"], tmp_path / "float.tflite", 64, 128)
    ldr = np.concatenate([pictures[0], pictures[1]], axis=1)
    assert np.abs(Runner(wide, "linear").infer(ldr) - Runner([whole], "linear").infer(ldr)).max() < 0.1


@pytest.mark.parametrize(("backbone", "head"), PAIRS)
def test_every_scheme_on_either_side_as_one_file_and_as_two(
    exported: dict[str, Path], pictures: np.ndarray, tmp_path: Path, backbone: Scheme, head: Scheme
) -> None:
    results = []
    for layout in get_args(Layout):
        plan = Plan(backbone=backbone, head=head, layout=layout)
        files = quantize(exported["ca"], plan, pictures, tmp_path / layout)
        assert len(files) == (1 if layout == "fused" else 2)
        results.append(Runner(files, "linear").infer(pictures[0]))
        parity = json.loads((tmp_path / layout / "parity.json").read_text())
        # Random weights in 4 bits are another network.
        assert parity["output"]["rms"] < (0.1 if "wi4" in backbone + head else 0.02)
    assert np.abs(results[0] - results[1]).max() < 0.02


@pytest.mark.parametrize("cut", ["backbone.decoder.conv2", "head.conv1"])
def test_other_cuts(exported: dict[str, Path], pictures: np.ndarray, tmp_path: Path, cut: str) -> None:
    results = []
    for layout in ("fused", "pair"):
        plan = Plan(cut=cut, head="float32", layout=layout)  # type: ignore[arg-type]
        results.append(Runner(quantize(exported["ca"], plan, pictures, tmp_path / layout), "linear").infer(pictures[0]))
    assert np.abs(results[0] - results[1]).max() < 0.02


def test_errors_cross_the_process(
    exported: dict[str, Path], exporter: ExportProcess, pictures: np.ndarray, tmp_path: Path
) -> None:
    given = {"float_model": exported["ca"], "calibration": pictures, "directory": tmp_path / "q"}
    with pytest.raises(PlanError, match="did you mean 'interface'"):
        exporter.run("quantize", plan=Plan(cut="interfac"), **given)
    with pytest.raises(WeightsError, match=r"absent.pt"):
        exporter.run("convert", checkpoint=tmp_path / "absent.pt", directory=tmp_path)
    truncated = tmp_path / "model.float32.tflite"
    truncated.write_bytes(exported["ca"].read_bytes()[:5000])
    with pytest.raises(ModelFileError, match=r"model.float32.tflite is damaged"):
        exporter.run("quantize", plan=Plan(), **{**given, "float_model": truncated})
    (file,) = exporter.run("quantize", plan=Plan(), **given)
    assert file == tmp_path / "q" / "model.tflite"


def test_a_process_that_dies_says_what_it_last_said(tmp_path: Path) -> None:
    with (
        ExportProcess() as worker,
        pytest.raises(ExportError, match=r"quantize: its process ended with code 1: .*TypeError"),
    ):
        worker.run("quantize", directory=tmp_path)


def test_an_operation_without_a_twin_names_its_node() -> None:
    from mqn.export.twin.twin import build_twin

    with pytest.raises(ExportError, match=r"node 'gelu' \(gelu\): cannot export GELU; known: BatchNorm2d, Conv2d, "):
        build_twin(_WithGelu(), SIZE)


@pytest.mark.parametrize(("kernel", "padding"), [(3, 1), (3, 0), (2, 1), (4, 2), ((1, 3), (0, 1))])
def test_a_kernel_of_any_size_pads_as_torch_does(kernel: Any, padding: Any) -> None:
    from mqn.export.twin.twin import build_twin

    torch.manual_seed(0)
    network = _Joined(kernel, padding).eval()
    ldr = np.random.default_rng(1).random((1, 8, 8, 3), dtype=np.float32)
    found = build_twin(network, 8).model(ldr).numpy()
    with torch.no_grad():
        expected = network(torch.from_numpy(ldr.transpose(0, 3, 1, 2).copy())).numpy().transpose(0, 2, 3, 1)
    np.testing.assert_allclose(found, expected, atol=1e-5)


class _Joined(nn.Module):
    """A convolution beside itself, along an axis that is counted from the end."""

    def __init__(self, kernel: Any, padding: Any) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, kernel, padding=padding)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        return torch.cat((y, y * 2.0), dim=-3)


class _WithGelu(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gelu = nn.GELU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.gelu(x)


@pytest.mark.parametrize("name", ["ca", "untrained"])
@pytest.mark.parametrize("backbone", ["float32", "static_wi8_ai8"])
def test_rewritten_norms_are_the_same_network_at_any_size(
    name: str,
    backbone: Scheme,
    exported: dict[str, Path],
    pictures: np.ndarray,
    tmp_path: Path,
) -> None:
    plan = Plan(backbone=backbone, head="dynamic_wi8_afp32")
    (lowered,) = quantize(exported[name], plan, pictures, tmp_path / "lowered")
    other = replace(plan, lowering="phases,doubling,pairs,order")
    (plain,) = quantize(exported[name], other, pictures, tmp_path / "plain")
    kinds = [{network.kind(o) for o in network.operators} for network in map(Network.read, (lowered, plain))]
    assert ["SQUARED_DIFFERENCE" in kind for kind in kinds] == [False, True]
    for height, width in ((SIZE, SIZE), (96, 128)):
        picture = np.random.default_rng(2).random((height, width, 3), dtype=np.float32)
        sized = [retarget(f, tmp_path / f"{i}_{width}.tflite", height, width) for i, f in enumerate((lowered, plain))]
        found, expected = (Runner([file], "log").infer(picture) for file in sized)
        np.testing.assert_allclose(found, expected, atol=1e-5)
