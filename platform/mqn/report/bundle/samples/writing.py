"""Writes a bundle's samples: templates filled in with the model's names, size and codec.

A template is a file that ends in `.in`, with `@names@` in it; other files are copied.
"""

from __future__ import annotations

import html
import json
import math
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from mqn.errors import ExportError
from mqn.hdr.codec import is_relative, most_light, output_range
from mqn.records import Codec
from mqn.report.bundle.samples.decoding import PYTHON, cpp, kotlin, unit
from mqn.tflite.facts import read_facts
from mqn.tflite.flatbuffer import Network
from mqn.tflite.resize import retarget

FOLDER = "samples"
ASSETS = f"{FOLDER}/android/app/src/main/assets"
APP_TILE = 512
"""Side of the pictures that the app's copies of a model take. Larger tiles differ less from the undivided picture, but
need memory: MQN some 118 MB at this size."""

_TEMPLATES = Path(__file__).parent / "templates"
_WAYS = {
    False: "There it is cut into overlapping tiles, which are faded into each other; each region gets the level that\n"
    "it has in a reduced copy of the whole picture (`Tiles.kt`).",
    True: "The model sees the whole picture at a reduced size, and its gains are enlarged along the picture's edges\n"
    "(`Gains.kt`).",
}
_OF_ONE_KIND = {False: "Gains.kt", True: "Tiles.kt"}
"""The file that the other kind of codec needs."""


def write_samples(folder: Path, names: Sequence[str], *, name: str, codec: Codec, input_size: int) -> dict[str, Any]:
    """Write the samples of a model into its bundle.

    Args:
        folder: of the bundle; it holds the model's files.
        names: of the files, in the order they run.
        name: the model's, of any characters.
        codec: how its output stands for light.
        input_size: side of its input in pixels.

    Returns:
        `tile`, the side of the pictures that the app's copies of the files take; or `no_app`, why there is no app.
    """
    networks = [Network.read(folder / file) for file in names]
    try:
        tile = _write_assets(folder, names, networks, input_size)
        made: dict[str, Any] = {"tile": tile}
    except ExportError as error:
        tile, made = 0, {"no_app": str(error)}
    values = _values(networks, names, _plain(name), codec, input_size, tile)
    values["android"] = (
        fill((_TEMPLATES / "android.md.in").read_text(encoding="utf-8"), values).rstrip()
        if tile
        else f"There is no Android sample: {made['no_app']}"
    )
    for template in sorted(_TEMPLATES.rglob("*")):
        place = template.relative_to(_TEMPLATES)
        unused = place.name in ("android.md.in", _OF_ONE_KIND[is_relative(codec)])
        if template.is_dir() or unused or (place.parts[0] == "android" and not tile):
            continue
        target = folder / FOLDER / place
        target.parent.mkdir(parents=True, exist_ok=True)
        if place.suffix == ".in":
            text = fill(template.read_text(encoding="utf-8"), values)
            target.with_suffix("").write_text(text, encoding="utf-8")
        else:
            shutil.copyfile(template, target)
    return made


def write_asset(source: Path, target: Path, tile: int) -> None:
    """Write the copy of a model's file that an app runs: the same weights, shapes for `tile` x `tile` pixels.

    Raises:
        ExportError: it cannot be resized.
        ModelFileError: it is damaged.
    """
    retarget(source, target, tile, tile)


def fill(template: str, values: Mapping[str, str]) -> str:
    """Put values in place of their `@names@`. Raises `KeyError` for a name without a value."""
    return re.sub(r"@([a-z_]+)@", lambda found: values[found[1]], template)


def _write_assets(folder: Path, names: Sequence[str], networks: Sequence[Network], input_size: int) -> int:
    stride = read_facts(networks[0]).stride
    tile = max(input_size, APP_TILE) // stride * stride
    for name, network in zip(names, networks, strict=True):
        types = {network.tensors[index].type for index in (*network.inputs().values(), *network.outputs().values())}
        if types != {schema.TensorType.FLOAT32}:
            raise ExportError(f"{name} takes or gives other numbers than float32, which the sample does not handle")
    assets = folder / ASSETS
    assets.mkdir(parents=True)
    try:
        for name in names:
            write_asset(folder / name, assets / name, tile)
    except ExportError:
        shutil.rmtree(folder / FOLDER / "android")
        raise
    return tile


def _values(
    networks: Sequence[Network], names: Sequence[str], name: str, codec: Codec, input_size: int, tile: int
) -> dict[str, str]:
    low, high = output_range(codec)
    relative = is_relative(codec)
    parts = (
        f"Part({json.dumps(file)}, {_kotlin_list(network.inputs())}, {_kotlin_list(network.outputs())})"
        for file, network in zip(names, networks, strict=True)
    )
    return {
        "name": name,
        "label_xml": html.escape(name),
        "codec": codec,
        "size": str(input_size),
        "tile": str(tile),
        "stride": str(read_facts(networks[0]).stride),
        "unit": unit(codec),
        "low": repr(low),
        "range": repr(high - low),
        "most_python": "1" if math.isfinite(most_light(codec)) else "None",
        "files_list": json.dumps(list(names)),
        "files_cpp": ", ".join(json.dumps(file) for file in names),
        "parts_kotlin": ", ".join(parts),
        "decode_python": "\n".join(f"    {line}" for line in PYTHON[codec].splitlines()),
        "decode_cpp": cpp(codec),
        "decode_kotlin": kotlin(codec),
        "run_doc": f"{'Gains in stops' if relative else 'Light'} for TILE x TILE pixels of code values in [0, 1].",
        "way": _WAYS[relative],
    }


def _kotlin_list(names: Mapping[str, int]) -> str:
    return f"listOf({', '.join(json.dumps(name) for name in names)})"


def _plain(name: str) -> str:
    """A name that means nothing in a comment, a string or XML of any language."""
    return re.sub(r"[^\w .,+=()-]", "_", name, flags=re.ASCII)
