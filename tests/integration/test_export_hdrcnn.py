"""HDRCNN as a TFLite file: the same network at any size, and all of it in the delegate."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from mqn.export.process import ExportProcess
from mqn.export.quantize.audit import audit_file
from mqn.export.quantize.quantization import quantize
from mqn.families.contract import build_network, find_family
from mqn.infer.picture import Expander
from mqn.models import checkpoint
from mqn.networks.cost import cuts
from mqn.records import Plan, Scheme, Training

pytestmark = pytest.mark.integration

FAMILY = find_family("hdrcnn")
SIZE = 64
ARCH = FAMILY.arch(width=0.125, input_size=SIZE)  # type: ignore[call-arg]


@pytest.fixture(scope="module")
def network() -> nn.Module:
    """With statistics of pictures, and no layer that only enlarges or only adds."""
    torch.manual_seed(3)
    network = build_network(ARCH)
    for module in network.modules():
        if isinstance(module, nn.ConvTranspose2d):
            nn.init.xavier_normal_(module.weight)
            nn.init.normal_(module.bias, std=0.1)
        elif isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1):
            module.weight.data += 0.02 * torch.randn_like(module.weight)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.2, 0.6)
            nn.init.normal_(module.bias, std=0.1)
            module.momentum = None
    with torch.no_grad():
        network(torch.rand(4, 3, SIZE, SIZE))
    return network.eval()


@pytest.fixture(scope="module")
def exported(network: nn.Module, exporter: ExportProcess, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hdrcnn")
    checkpoint.save(folder / "checkpoint.pt", ARCH, Training(codec="light"), network)
    file: Path = exporter.run("convert", checkpoint=folder / "checkpoint.pt", directory=folder)
    return file


def over_exposed(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).random((height, width, 3), dtype=np.float32).clip(0, 0.8) / np.float32(0.8)


@pytest.mark.parametrize("shape", [(SIZE, SIZE), (96, 160), (32, 32)])
def test_a_file_is_the_network_at_any_size(network: nn.Module, exported: Path, shape: tuple[int, int]) -> None:
    picture = over_exposed(*shape)
    with torch.no_grad():
        light = network(torch.from_numpy(picture.transpose(2, 0, 1).copy())[None])
    expected = light[0].numpy().transpose(1, 2, 0).clip(0)
    white = picture.max(2) == 1
    assert expected[white].std() > 0.1
    np.testing.assert_allclose(Expander([exported], "light").expand(picture), expected, atol=1e-4)


def test_every_cut_that_is_offered_is_a_tensor_of_the_file(network: nn.Module, exported: Path) -> None:
    assert list(json.loads((exported.parent / "cuts.json").read_text())) == cuts(network, ARCH)


def test_the_delegate_takes_the_whole_float_file(exported: Path) -> None:
    audit = audit_file(exported)
    assert audit.outside == ()
    assert audit.partitions == 1


@pytest.mark.parametrize("layout", ["fused", "pair"])
@pytest.mark.parametrize("scheme", ["float16", "dynamic_wi8_afp32", "static_wi8_ai8"])
def test_a_quantized_network_is_near_its_float_one(exported: Path, tmp_path: Path, layout: str, scheme: Scheme) -> None:
    pictures = np.stack([over_exposed(SIZE, SIZE), over_exposed(SIZE, SIZE)[::-1]])
    plan = Plan(backbone=scheme, head="float32", layout=layout)  # type: ignore[arg-type]
    files = quantize(exported, plan, pictures, tmp_path)
    whole, quantized = (Expander(paths, "light").expand(pictures[0]) for paths in ((exported,), files))
    error = np.abs(quantized - whole)
    assert 0 < error.max() < 0.1 * whole.max()
    assert all(audit_file(path).outside == () for path in files)


def test_the_audit_knows_the_kernels_of_transposed_convolutions(exported: Path, network: nn.Module) -> None:
    audit = audit_file(exported)
    (transposed,) = [kind for kind in audit.kinds if kind.kind == "TRANSPOSE_CONV"]
    assert (transposed.inputs, transposed.weights, transposed.count) == ("float32", "float32", 5)
    kernels = sum(m.weight.numel() for m in network.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d))
    assert audit.bytes_by_kind["kernel float32"] == 4 * kernels
