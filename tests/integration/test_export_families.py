"""Other families than MQN as TFLite files: the same network at any size, quantized, scored as its weights are."""

from __future__ import annotations

import json
from pathlib import Path

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
from mqn.families.contract import build_network, find_family
from mqn.hdr.io.files import read_ldr
from mqn.infer.picture import Expander
from mqn.models import checkpoint
from mqn.models.peers import PEERS, Predictor, load
from mqn.networks.cost import cuts
from mqn.records import Plan, Scheme, Training

pytestmark = pytest.mark.integration

SIZE = 64
CODECS = {name: find_family(name).codecs[0] for name in PEERS}


@pytest.fixture(scope="session")
def random_ones() -> dict[str, nn.Module]:
    torch.manual_seed(3)
    return {name: build_network(find_family(name).arch()).eval() for name in PEERS}


@pytest.fixture(scope="session")
def exported(
    random_ones: dict[str, nn.Module], exporter: ExportProcess, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    return {name: convert(exporter, name, net, tmp_path_factory.mktemp(name)) for name, net in random_ones.items()}


def convert(exporter: ExportProcess, name: str, network: nn.Module, folder: Path) -> Path:
    arch = find_family(name).arch(input_size=SIZE)
    checkpoint.save(folder / "checkpoint.pt", arch, Training(codec=CODECS[name]), network)
    file: Path = exporter.run("convert", checkpoint=folder / "checkpoint.pt", directory=folder)
    return file


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("shape", [(SIZE, SIZE), (40, 100), (37, 5)])
def test_a_file_is_the_network_at_any_size(
    random_ones: dict[str, nn.Module], exported: dict[str, Path], name: str, shape: tuple[int, int]
) -> None:
    picture = np.random.default_rng(0).random((*shape, 3), dtype=np.float32)
    expected = Predictor(name=name, network=random_ones[name])(picture)
    found = Expander([exported[name]], CODECS[name]).expand(picture)
    assert expected.std() > 1e-4
    # Random masks of LHDR come near zero, and it divides by them.
    np.testing.assert_allclose(found, expected, atol={"expandnet": 1e-5, "lhdr": 2e-3}[name])


@pytest.mark.parametrize("name", PEERS)
def test_every_cut_that_is_offered_is_a_tensor_of_the_file(
    random_ones: dict[str, nn.Module], exported: dict[str, Path], name: str
) -> None:
    offered = cuts(random_ones[name], find_family(name).arch(input_size=SIZE))
    assert list(json.loads((exported[name].parent / "cuts.json").read_text())) == offered
    assert "interface" in offered


@pytest.mark.parametrize("name", PEERS)
def test_the_delegate_takes_the_whole_float_file(exported: dict[str, Path], name: str) -> None:
    audit = audit_file(exported[name])
    assert audit.outside == ()
    assert audit.partitions == 1


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("layout", ["fused", "pair"])
@pytest.mark.parametrize("scheme", ["float16", "dynamic_wi8_afp32", "static_wi8_ai8"])
def test_a_quantized_network_is_near_its_float_one(
    exported: dict[str, Path], tmp_path: Path, name: str, layout: str, scheme: Scheme
) -> None:
    pictures = np.random.default_rng(1).random((2, SIZE, SIZE, 3), dtype=np.float32)
    plan = Plan(backbone=scheme, head="float32", layout=layout)  # type: ignore[arg-type]
    files = quantize(exported[name], plan, pictures, tmp_path)
    whole, quantized = (Expander(paths, CODECS[name]).expand(pictures[0][:40]) for paths in ((exported[name],), files))
    assert 0 < np.abs(quantized - whole).max() < 0.1 * whole.max()


@pytest.mark.parametrize("name", PEERS)
def test_the_authors_weights_export_to_what_is_scored(
    exporter: ExportProcess, shared: Path, name: str, tmp_path: Path
) -> None:
    peer = load(name, shared / f"weights/peers/{name}.pth")
    file = convert(exporter, name, peer.network, tmp_path)
    picture = read_ldr(shared / "hdr/pairs/anm_capitol__over.jpg")[100:227, :129]
    found, expected = Expander([file], CODECS[name]).expand(picture), peer(picture)
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
