"""What is MQN's alone is named in its own package only: its layers, its fields, its blocks."""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import mqn
from mqn.families.contract import Arch, build_network
from mqn.families.mqn.arch import MQNArch

ROOT = Path(mqn.__file__).parent
FAMILIES = ROOT / "families"
COMMON = {field.name for field in dataclasses.fields(Arch)}
FIELDS = {field.name for field in dataclasses.fields(MQNArch)} - COMMON
# Fields whose names are words of the field: nobody else may say them behind `arch.`; the others nowhere.
WORDS = {"attention", "width", "upsampling"}
OWN = sorted(FIELDS - WORDS)


def layers() -> set[str]:
    """Names of MQN's submodules that are nobody else's words: `irlb_4`, `block_13`, `decoder.conv2`, ..."""
    network = build_network(MQNArch(encoder_weights="random"))
    paths = [path.removeprefix("backbone.") for path, module in network.named_modules() if path.count(".")]
    ends = {".".join(path.split(".")[:2]) for path in paths}
    blocks = {path.split(".")[-1] for path in paths if re.search("irlb|block_", path)}
    return {end for end in ends if "." in end} | blocks


def forbidden() -> re.Pattern[str]:
    blocks = {name for name in layers() if re.fullmatch(r"(irlb|block)_\w+", name)}
    dotted = {name for name in layers() if "." in name}
    names = [*map(re.escape, blocks | dotted), *OWN, *(rf"arch\.{word}" for word in sorted(FIELDS)), "InvertedResidual"]
    return re.compile(rf"(?<![\w])(?:{'|'.join(sorted(names))})(?![\w])")


def files() -> Iterator[Path]:
    """All code outside the families' own packages."""
    yield from (path for path in ROOT.rglob("*.py") if not (path.is_relative_to(FAMILIES) and path.parent != FAMILIES))


@pytest.mark.slow
def test_nobody_else_names_mqn_s_layers_or_fields() -> None:
    pattern = forbidden()
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in files()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]
    assert not found, "\n".join(found)


@pytest.mark.slow
@pytest.mark.parametrize(
    "line",
    [
        'RULE = "head.conv3=float32"',
        'BLOCK = "backbone.decoder.irlb_4"',
        "taps = network.backbone.encoder.block_13",
        "width = candidate.arch.width",
        'key = "arch.attention"',
        "arch.encoder_weights",
        "replace(arch, decoder_width=1.0)",
        "isinstance(block, InvertedResidual)",
    ],
)
def test_the_search_finds_them(line: str) -> None:
    assert forbidden().search(line)


@pytest.mark.slow
def test_the_default_cut_is_called_interface_in_one_place() -> None:
    # The contract's word for the cut, and the name of the tensor between two TFLite files.
    allowed = {Path("families/contract.py"), Path("tflite/cutting.py")}
    found = {
        path.relative_to(ROOT)
        for path in files()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and node.value.value == "interface"
    }
    assert found <= allowed
