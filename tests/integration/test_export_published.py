"""Published networks without weights as TFLite files: the same network, and what the delegate makes of it."""

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
from mqn.families.contract import Arch, build_network, find_family
from mqn.infer.picture import Expander
from mqn.models import checkpoint
from mqn.networks.cost import cuts, pair_cuts
from mqn.records import Plan, Scheme, Training

pytestmark = pytest.mark.integration

SIDES = {"twostage": 24, "deephdr": 128}
OUTSIDE: dict[str, set[str]] = {"twostage": set(), "deephdr": {"RESIZE_NEAREST_NEIGHBOR"}}


def narrow(name: str) -> Arch:
    return find_family(name).arch(features=8, input_size=SIDES[name])  # type: ignore[call-arg]


@pytest.fixture(scope="session")
def random_ones() -> dict[str, nn.Module]:
    torch.manual_seed(5)
    return {name: build_network(narrow(name)).eval() for name in SIDES}


@pytest.fixture(scope="session")
def exported(
    random_ones: dict[str, nn.Module], exporter: ExportProcess, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    files = {}
    for name, network in random_ones.items():
        folder = tmp_path_factory.mktemp(name)
        checkpoint.save(folder / "checkpoint.pt", narrow(name), Training(codec="light"), network)
        files[name] = exporter.run("convert", checkpoint=folder / "checkpoint.pt", directory=folder)
    return files


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).random((*shape, 3), dtype=np.float32)


@pytest.mark.parametrize("name", SIDES)
@pytest.mark.parametrize("wider", [0, 1])
def test_a_file_is_the_network_at_two_sizes(
    random_ones: dict[str, nn.Module], exported: dict[str, Path], name: str, wider: int
) -> None:
    side = SIDES[name]
    picture = noise(side, side + wider * max(find_family(name).stride, 7))
    with torch.no_grad():
        light = random_ones[name](torch.from_numpy(picture.transpose(2, 0, 1)[None].copy()))
    expected = light.clamp(min=0)[0].numpy().transpose(1, 2, 0)
    found = Expander([exported[name]], "light").expand(picture)
    assert np.abs(expected - picture).max() > 0.01
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("name", SIDES)
def test_every_cut_that_is_offered_is_a_tensor_of_the_file(
    random_ones: dict[str, nn.Module], exported: dict[str, Path], name: str
) -> None:
    arch = narrow(name)
    assert list(json.loads((exported[name].parent / "cuts.json").read_text())) == cuts(random_ones[name], arch)
    assert "interface" in pair_cuts(random_ones[name], arch)


@pytest.mark.parametrize("name", SIDES)
def test_what_the_delegate_leaves_is_known(exported: dict[str, Path], name: str) -> None:
    audit = audit_file(exported[name])
    assert {operator.kind for operator in audit.outside} == OUTSIDE[name]


@pytest.mark.parametrize("name", SIDES)
@pytest.mark.parametrize(
    ("layout", "scheme"), [("pair", "float32"), ("fused", "dynamic_wi8_afp32"), ("pair", "static_wi8_ai8")]
)
def test_a_quantized_network_is_near_its_float_one(
    exported: dict[str, Path], tmp_path: Path, name: str, layout: str, scheme: Scheme
) -> None:
    pictures = noise(2, SIDES[name], SIDES[name])
    plan = Plan(backbone=scheme, head="float32", layout=layout)  # type: ignore[arg-type]
    files = quantize(exported[name], plan, pictures, tmp_path)
    assert len(files) == (2 if layout == "pair" else 1)
    assert json.loads((tmp_path / "audit.json").read_text())
    assert audit_file(files[0]).outside == ()
    whole, quantized = (Expander(paths, "light").expand(pictures[0]) for paths in ((exported[name],), files))
    assert np.abs(quantized - whole).max() < (0.1 * whole.max() if "wi8" in scheme else 1e-4)
