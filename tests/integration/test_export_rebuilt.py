"""HDRUNet and FHDR as TFLite files: a file that runs one block twice, mirrors at its border, and is delegated whole."""

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
from mqn.infer.interpreter import open_interpreter, run
from mqn.infer.picture import Expander
from mqn.models import checkpoint
from mqn.networks.cost import cuts
from mqn.parsing import from_mapping
from mqn.records import Plan, Scheme, Training
from mqn.tflite.resize import retarget

pytestmark = pytest.mark.integration

NAMES = ("hdrunet", "fhdr")
SIZE = 64


@pytest.fixture(scope="session")
def rebuilt() -> dict[str, nn.Module]:
    torch.manual_seed(3)
    return {name: build_network(find_family(name).arch()).eval() for name in NAMES}


@pytest.fixture(scope="session")
def rebuilt_files(
    rebuilt: dict[str, nn.Module], exporter: ExportProcess, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    files = {}
    for name, network in rebuilt.items():
        folder, family = tmp_path_factory.mktemp(name), find_family(name)
        training = from_mapping(Training, {"codec": family.codecs[0]}, source=name)
        checkpoint.save(folder / "checkpoint.pt", family.arch(input_size=SIZE), training, network)
        files[name] = exporter.run("convert", checkpoint=folder / "checkpoint.pt", directory=folder)
    return files


def expected(network: nn.Module, picture: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        output = network(torch.from_numpy(picture.transpose(0, 3, 1, 2).copy()))
    return output.numpy().transpose(0, 2, 3, 1)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(SIZE, SIZE), (40, 100), (4, 8)])
def test_a_file_is_the_network_at_any_size(
    rebuilt: dict[str, nn.Module],
    rebuilt_files: dict[str, Path],
    name: str,
    shape: tuple[int, int],
    tmp_path: Path,
) -> None:
    file = retarget(rebuilt_files[name], tmp_path / "sized.tflite", *shape)
    picture = np.random.default_rng(0).random((1, *shape, 3), dtype=np.float32)
    truth = expected(rebuilt[name], picture)
    found = run(open_interpreter(file.read_bytes()), {"ldr": picture})["hdr"]
    assert truth.std() > 1e-2
    # Measured: 2e-7.
    np.testing.assert_allclose(found, truth, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_every_cut_that_is_offered_is_a_tensor_of_the_file(
    rebuilt: dict[str, nn.Module], rebuilt_files: dict[str, Path], name: str
) -> None:
    offered = cuts(rebuilt[name], find_family(name).arch(input_size=SIZE))
    assert list(json.loads((rebuilt_files[name].parent / "cuts.json").read_text())) == offered
    assert "interface" in offered


@pytest.mark.parametrize(("name", "bytes_a_parameter"), [("hdrunet", 4.1), ("fhdr", 4.1)])
def test_the_delegate_takes_the_whole_float_file_and_weights_are_stored_once(
    rebuilt: dict[str, nn.Module], rebuilt_files: dict[str, Path], name: str, bytes_a_parameter: float
) -> None:
    audit = audit_file(rebuilt_files[name])
    assert audit.outside == ()
    assert audit.partitions == 1
    assert audit.size_bytes < bytes_a_parameter * sum(parameter.numel() for parameter in rebuilt[name].parameters())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("scheme", "layout"), [("float16", "fused"), ("dynamic_wi8_afp32", "pair"), ("static_wi8_ai8", "fused")]
)
def test_a_quantized_network_is_near_its_float_one(
    rebuilt_files: dict[str, Path], tmp_path: Path, name: str, scheme: Scheme, layout: str
) -> None:
    pictures = np.random.default_rng(1).random((2, SIZE, SIZE, 3), dtype=np.float32)
    plan = Plan(backbone=scheme, head="float32", layout=layout)  # type: ignore[arg-type]
    files = quantize(rebuilt_files[name], plan, pictures, tmp_path)
    assert all(audit_file(file).outside == () for file in files)
    codec = find_family(name).codecs[0]
    whole, quantized = (Expander(paths, codec).expand(pictures[0][:40]) for paths in ([rebuilt_files[name]], files))
    assert 0 < np.abs(quantized - whole).max() < 0.1 * whole.max()


def test_a_rule_for_a_block_means_every_time_that_it_runs(rebuilt_files: dict[str, Path], tmp_path: Path) -> None:
    pictures = np.random.default_rng(1).random((1, SIZE, SIZE, 3), dtype=np.float32)
    plan = Plan(backbone="float32", head="float32", rules="feedback_block.DRDB2=dynamic_wi8_afp32")
    (file,) = quantize(rebuilt_files["fhdr"], plan, pictures, tmp_path)
    kinds = [kind for kind in audit_file(file).kinds if kind.kind == "CONV_2D" and kind.weights == "int8"]
    # Of its six convolutions each runs twice.
    assert sum(kind.count for kind in kinds) == 12
