"""A float network of a few operators, written without TensorFlow: backbone, interface and head like MQN's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from mqn.tflite.facts import Facts, write_facts
from mqn.tflite.flatbuffer import Network

SIZE = 32


def toy_network() -> Network:
    """ldr -> backbone/down, up (nearest), cat (with ldr), mix -> head/conv, last, add (with ldr) -> hdr."""
    network = Network(schema.ModelT(version=3, operatorCodes=[], buffers=[schema.BufferT()], subgraphs=[_empty()]))
    half, full = SIZE // 2, SIZE
    ldr = _tensor(network, "ldr", (1, full, full, 3))
    down = _convolution(network, "backbone/down", ldr, (1, half, half, 8), kernel=3, stride=2, relu=True)
    size = _tensor(network, "constant/size", (2,), np.array((full, full), np.int32))
    up = _tensor(network, "backbone/up", (1, full, full, 8))
    _operator(network, "RESIZE_NEAREST_NEIGHBOR", [down, size], up, "ResizeNearestNeighborOptions")
    cat = _tensor(network, "backbone/cat", (1, full, full, 11))
    _operator(network, "CONCATENATION", [up, ldr], cat, "ConcatenationOptions", axis=3)
    mix = _convolution(network, "backbone/mix", cat, (1, full, full, 4), kernel=1, relu=True)
    wide = _convolution(network, "head/conv", mix, (1, full, full, 32), kernel=3, relu=True)
    last = _convolution(network, "head/last", wide, (1, full, full, 3), kernel=1)
    added = _tensor(network, "head/add", (1, full, full, 3))
    _operator(network, "ADD", [last, ldr], added, "AddOptions")
    hdr = _tensor(network, "hdr", (1, full, full, 3))
    _operator(network, "LOGISTIC", [added], hdr)
    network.set_edges({"ldr": ldr}, {"hdr": hdr})
    write_facts(network, Facts(last_layer="head.sigmoid"))
    return network.copy()


def write_toy(network: Network, folder: Path) -> Path:
    """As `convert` leaves a float file: with its cuts beside it."""
    (folder / "cuts.json").write_text(json.dumps({"interface": "backbone/mix", "head.conv": "head/conv"}))
    return network.write(folder / "model.float32.tflite")


def toy_pictures() -> np.ndarray:
    return np.random.default_rng(3).random((4, SIZE, SIZE, 3), dtype=np.float32)


def _empty() -> Any:
    return schema.SubGraphT(tensors=[], inputs=[], outputs=[], operators=[])


def _tensor(network: Network, name: str, shape: tuple[int, ...], value: np.ndarray | None = None) -> int:
    kind = schema.TensorType.INT32 if value is not None and value.dtype == np.int32 else schema.TensorType.FLOAT32
    network.tensors.append(schema.TensorT(name=name, shape=list(shape), type=kind, buffer=0, hasRank=True))
    index = len(network.tensors) - 1
    if value is not None:
        network.set_constant(index, value)
    return index


def _operator(network: Network, kind: str, inputs: list[int], output: int, options: str = "", **values: Any) -> None:
    given = getattr(schema, f"{options}T")(**values) if options else None
    code = network.operator_code(kind)
    which = getattr(schema.BuiltinOptions, options) if options else 0
    network.operators.append(
        schema.OperatorT(
            opcodeIndex=code, inputs=inputs, outputs=[output], builtinOptionsType=which, builtinOptions=given
        )
    )


def _convolution(
    network: Network,
    name: str,
    source: int,
    shape: tuple[int, ...],
    *,
    kernel: int,
    stride: int = 1,
    relu: bool = False,
) -> int:
    generator = np.random.default_rng(len(network.tensors))
    channels = network.tensors[source].shape[3]
    weights = generator.normal(0, 0.3, (shape[3], kernel, kernel, channels)).astype(np.float32)
    inputs = [
        source,
        _tensor(network, f"constant/{name}/kernel", weights.shape, weights),
        _tensor(network, f"constant/{name}/bias", (shape[3],), generator.normal(0, 0.1, shape[3]).astype(np.float32)),
    ]
    result = _tensor(network, name, shape)
    activation = schema.ActivationFunctionType.RELU if relu else schema.ActivationFunctionType.NONE
    _operator(
        network,
        "CONV_2D",
        inputs,
        result,
        "Conv2DOptions",
        padding=schema.Padding.SAME,
        strideH=stride,
        strideW=stride,
        fusedActivationFunction=activation,
    )
    return result
