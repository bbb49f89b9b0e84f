"""Other families than MQN as TFLite files: the same network at any size, quantized, scored as its weights are."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mqn.errors import ExportError
from mqn.export.process import ExportProcess
from mqn.export.quantize.audit import audit_file
from mqn.export.quantize.quantization import quantize
from mqn.export.twin.twin import build_twin
from mqn.families.contract import Arch, build_network, find_family
from mqn.hdr.io.files import read_ldr
from mqn.infer.interpreter import open_interpreter, run
from mqn.infer.picture import Expander
from mqn.models import checkpoint
from mqn.models.peers import PEERS, load
from mqn.networks.cost import cuts, pair_cuts
from mqn.parsing import from_mapping
from mqn.records import Plan, Scheme, Training
from mqn.tflite.resize import retarget

pytestmark = pytest.mark.integration


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """How a family is exported.

    Attributes:
        fields: of its arch.
        side: of its input, in pixels.
        other: another size that it takes, height and width.
        atol: how near its file comes, in parts of the largest value where that is above 1.
        outside: kinds of operators that the delegate leaves.
        judged: share of values that a quantized file has right; the others stand where a threshold is crossed.
        copies: how often the weights are in the file.
    """

    fields: dict[str, Any] = field(default_factory=dict)
    side: int = 64
    other: tuple[int, int] = (40, 100)
    atol: float = 1e-5
    outside: frozenset[str] = frozenset()
    judged: float = 1
    copies: int = 1


CASES = {
    "expandnet": Case(),
    # Random masks of LHDR come near zero, and it divides by them.
    "lhdr": Case(atol=2e-3),
    # Measured: 2e-7.
    "hdrunet": Case(),
    "fhdr": Case(other=(4, 8)),
    "twostage": Case(fields={"features": 8}, side=24, other=(24, 31), atol=1e-4),
    "deephdr": Case(
        fields={"features": 8},
        side=128,
        other=(128, 256),
        atol=1e-4,
        outside=frozenset({"RESIZE_NEAREST_NEIGHBOR"}),
        copies=2,  # Masks go on through the kernels' absolute values.
    ),
    "singlehdr": Case(
        fields={"width": 0.125},
        other=(128, 192),
        atol=1e-4,
        outside=frozenset({"CAST", "GATHER", "RESIZE_NEAREST_NEIGHBOR"}),
        judged=0.99,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A network with random weights, and its float file."""

    name: str
    arch: Arch
    network: nn.Module
    file: Path

    @property
    def case(self) -> Case:
        return CASES[self.name]

    def pictures(self, count: int) -> np.ndarray:
        return np.random.default_rng(1).random((count, self.case.side, self.case.side, 3), dtype=np.float32)


@pytest.fixture(scope="session", params=CASES)
def exported(
    request: pytest.FixtureRequest, exporter: ExportProcess, tmp_path_factory: pytest.TempPathFactory
) -> Exported:
    name, case = request.param, CASES[request.param]
    arch = find_family(name).arch(input_size=case.side, **case.fields)
    torch.manual_seed(3)
    network = with_statistics(build_network(arch), case.side).eval()
    file = convert(exporter, arch, network, tmp_path_factory.mktemp(name))
    return Exported(name=name, arch=arch, network=network, file=file)


def with_statistics(network: nn.Module, side: int) -> nn.Module:
    """Batch norms with statistics of pictures, where there are any."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.2, 0.6)
            nn.init.normal_(module.bias, std=0.1)
            module.momentum = None
    with torch.no_grad():
        network(torch.rand(4, 3, side, side))
    return network


def convert(exporter: ExportProcess, arch: Arch, network: nn.Module, folder: Path) -> Path:
    training = from_mapping(Training, {"codec": codec_of(arch)}, source=arch.family)
    checkpoint.save(folder / "checkpoint.pt", arch, training, network)
    file: Path = exporter.run("convert", checkpoint=folder / "checkpoint.pt", directory=folder)
    return file


def codec_of(arch: Arch) -> Any:
    return find_family(arch.family).codecs[0]


@pytest.mark.parametrize("resized", [False, True])
def test_a_file_is_the_network_at_two_sizes(exported: Exported, resized: bool, tmp_path: Path) -> None:
    shape = exported.case.other if resized else (exported.case.side,) * 2
    file = retarget(exported.file, tmp_path / "sized.tflite", *shape)
    picture = np.random.default_rng(0).random((1, *shape, 3), dtype=np.float32)
    with torch.inference_mode():
        output = exported.network(torch.from_numpy(picture.transpose(0, 3, 1, 2).copy()))
    expected = output.numpy().transpose(0, 2, 3, 1)
    found = run(open_interpreter(file.read_bytes()), {"ldr": picture})["hdr"]
    assert expected.std() > 1e-4
    assert np.abs(expected - picture).max() > 0.01
    np.testing.assert_allclose(found, expected, atol=exported.case.atol * max(1, np.abs(expected).max()))


def test_every_cut_that_is_offered_is_a_tensor_of_the_file(exported: Exported) -> None:
    offered = cuts(exported.network, exported.arch)
    assert list(json.loads((exported.file.parent / "cuts.json").read_text())) == offered
    assert "interface" in pair_cuts(exported.network, exported.arch)


def test_what_the_delegate_leaves_is_known_and_weights_are_stored_once(exported: Exported) -> None:
    audit = audit_file(exported.file)
    assert {operator.kind for operator in audit.outside} == exported.case.outside
    assert exported.case.outside or audit.partitions == 1
    weights = sum(parameter.numel() for parameter in exported.network.parameters())
    assert audit.bytes_by_kind["kernel float32"] < 4.1 * weights * exported.case.copies


@pytest.mark.parametrize(
    ("scheme", "layout"),
    [("float32", "pair"), ("float16", "fused"), ("dynamic_wi8_afp32", "fused"), ("static_wi8_ai8", "pair")],
)
def test_a_quantized_network_is_near_its_float_one(
    exported: Exported, tmp_path: Path, scheme: Scheme, layout: str
) -> None:
    pictures = exported.pictures(2)
    plan = Plan(backbone=scheme, head="float32", layout=layout)  # type: ignore[arg-type]
    files = quantize(exported.file, plan, pictures, tmp_path)
    assert len(files) == (2 if layout == "pair" else 1)
    codec = codec_of(exported.arch)
    whole, quantized = (Expander(paths, codec).expand(pictures[0][:40]) for paths in ([exported.file], files))
    error = np.quantile(np.abs(quantized - whole), exported.case.judged)
    assert error < 1e-4 if scheme == "float32" else 0 < error < 0.1 * whole.max()


@pytest.mark.parametrize("exported", ["fhdr"], indirect=True)
def test_a_rule_for_a_block_means_every_time_that_it_runs(exported: Exported, tmp_path: Path) -> None:
    plan = Plan(backbone="float32", head="float32", rules="feedback_block.DRDB2=dynamic_wi8_afp32")
    (file,) = quantize(exported.file, plan, exported.pictures(1), tmp_path)
    kinds = [kind for kind in audit_file(file).kinds if kind.kind == "CONV_2D" and kind.weights == "int8"]
    # Of its six convolutions each runs twice.
    assert sum(kind.count for kind in kinds) == 12


@pytest.mark.parametrize("name", PEERS)
def test_the_authors_weights_export_to_what_is_scored(
    exporter: ExportProcess, shared: Path, name: str, tmp_path: Path
) -> None:
    peer = load(name, shared / f"weights/peers/{name}.pth")
    file = convert(exporter, find_family(name).arch(input_size=64), peer.network, tmp_path)
    picture = read_ldr(shared / "hdr/pairs/anm_capitol__over.jpg")[100:227, :129]
    found, expected = Expander([file], find_family(name).codecs[0]).expand(picture), peer(picture)
    np.testing.assert_allclose(found, expected, atol=2e-5)


class _Odds(nn.Module):
    """Operations that no family of ours has in this form."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=2, dilation=2, groups=1)
        self.grouped = nn.Conv2d(8, 8, 3, stride=2, padding=1, groups=2)
        self.linear = nn.Linear(8, 8)
        self.scale = nn.Parameter(torch.rand(8, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        features = F.leaky_relu(self.first(x), 0.2)
        coarse = F.interpolate(self.grouped(features), size=x.shape[2:], mode="bilinear", align_corners=False)
        gate = torch.sigmoid(self.linear(F.relu(features.mean((2, 3)))))[..., None, None]
        one, other = torch.chunk((coarse * self.scale + 0.5) / (2 - gate), 2, 1)
        pooled = F.interpolate(F.avg_pool2d(one, 2), scale_factor=2, mode="nearest")
        return 3 - torch.clamp(torch.cat((pooled, 1 / (3 + other)), 1), -1, 2)


def test_operations_by_themselves_compute_what_torch_computes() -> None:
    torch.manual_seed(0)
    network = _Odds().eval()
    picture = np.random.default_rng(0).random((2, 24, 24, 3), dtype=np.float32)
    with torch.no_grad():
        expected = network(torch.from_numpy(picture.transpose(0, 3, 1, 2).copy())).numpy().transpose(0, 2, 3, 1)
    found = np.asarray(build_twin(network, 24, batch_size=None).model(picture))
    np.testing.assert_allclose(found, expected, atol=1e-5)


class _Unrolled(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.roll(1, 2)


def test_an_operation_without_a_counterpart_is_named() -> None:
    with pytest.raises(ExportError, match=r"node 'roll' .*: cannot export roll; known: .*Conv2d"):
        build_twin(_Unrolled(), 8)
