"""IRNet and the 3D LUT as TFLite files: the same numbers at any size, whole or in two files, float or quantized."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from mqn.errors import PlanError
from mqn.export.process import ExportProcess
from mqn.export.quantize.audit import audit_file
from mqn.export.quantize.quantization import quantize
from mqn.families.contract import Arch, build_network
from mqn.families.irnet.family import IRNetArch
from mqn.families.lut3d.family import LUT3DArch
from mqn.infer.picture import Expander
from mqn.models import checkpoint
from mqn.networks.cost import cuts
from mqn.records import Layout, Plan, Scheme, Training

pytestmark = pytest.mark.integration

SIZE = 48
ARCHES: dict[str, Arch] = {
    "irnet": IRNetArch(features=32, input_size=SIZE),
    "lut3d": LUT3DArch(bins=17, input_size=SIZE),
}
OUTSIDE = {"irnet": {}, "lut3d": {"CAST": 8, "GATHER": 8}}
PICTURE = np.random.default_rng(1).random((1, SIZE, SIZE, 3), dtype=np.float32)


@pytest.fixture(scope="session")
def lean() -> dict[str, nn.Module]:
    torch.manual_seed(3)
    networks = {name: build_network(arch).eval() for name, arch in ARCHES.items()}
    nn.init.uniform_(networks["lut3d"].get_parameter("luts.weight"), 0, 0.4)
    return networks


@pytest.fixture(scope="session")
def lean_files(
    lean: dict[str, nn.Module], exporter: ExportProcess, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    files = {}
    for name, network in lean.items():
        folder = tmp_path_factory.mktemp(name)
        checkpoint.save(folder / "checkpoint.pt", ARCHES[name], Training(codec="light"), network)
        files[name] = exporter.run("convert", checkpoint=folder / "checkpoint.pt", directory=folder)
    return files


@pytest.mark.parametrize("name", ARCHES)
@pytest.mark.parametrize("shape", [(SIZE, SIZE), (31, 100)])
def test_a_file_is_the_network_at_any_size(
    lean: dict[str, nn.Module], lean_files: dict[str, Path], name: str, shape: tuple[int, int]
) -> None:
    picture = np.random.default_rng(0).random((*shape, 3), dtype=np.float32)
    with torch.inference_mode():
        light = lean[name](torch.from_numpy(picture.transpose(2, 0, 1).copy())[None])[0]
    truth = light.numpy().transpose(1, 2, 0).clip(min=0)
    assert truth.std() > 1e-2
    # Measured: 2e-6.
    np.testing.assert_allclose(Expander([lean_files[name]], "light").expand(picture), truth, atol=1e-4)


@pytest.mark.parametrize("name", ARCHES)
def test_every_cut_that_is_offered_is_a_tensor_of_the_file(
    lean: dict[str, nn.Module], lean_files: dict[str, Path], name: str
) -> None:
    assert list(json.loads((lean_files[name].parent / "cuts.json").read_text())) == cuts(lean[name], ARCHES[name])


@pytest.mark.parametrize("name", ARCHES)
def test_what_the_delegate_leaves_is_known(lean_files: dict[str, Path], name: str) -> None:
    kinds = [operator.kind for operator in audit_file(lean_files[name]).outside]
    assert {kind: kinds.count(kind) for kind in kinds} == OUTSIDE[name]


@pytest.mark.parametrize("name", ARCHES)
@pytest.mark.parametrize("scheme", ["float16", "dynamic_wi8_afp32", "static_wi8_ai8"])
def test_a_quantized_network_is_near_its_float_one_at_another_size(
    lean_files: dict[str, Path], tmp_path: Path, name: str, scheme: Scheme
) -> None:
    layout: Layout = "pair" if name == "lut3d" else "fused"
    files = quantize(lean_files[name], Plan(backbone=scheme, head="float32", layout=layout), PICTURE, tmp_path)
    narrow = PICTURE[0, :30]
    whole, quantized = (Expander(paths, "light").expand(narrow) for paths in ([lean_files[name]], files))
    assert sum(file.stat().st_size for file in files) < lean_files[name].stat().st_size
    assert 0 < np.abs(quantized - whole).max() < 0.1 * whole.max()


def test_a_head_of_tables_is_refused_dynamic_and_stays_in_float_static(
    lean_files: dict[str, Path], tmp_path: Path
) -> None:
    both = [Plan(backbone=scheme, head=scheme) for scheme in ("static_wi8_ai8", "dynamic_wi8_afp32")]
    (file,) = quantize(lean_files["lut3d"], both[0], PICTURE, tmp_path)
    outside = [operator.kind for operator in audit_file(file).outside]
    assert (outside.count("GATHER"), outside.count("CAST")) == (8, 8)
    with pytest.raises(PlanError, match=r"would leave the head .* in float: .*; set plan.head=float32"):
        quantize(lean_files["lut3d"], both[1], PICTURE, tmp_path)
