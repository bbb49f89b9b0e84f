from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from mqn.export.lower.norms import lengthen_norms
from mqn.export.lower.rewriting import new_operator
from mqn.infer.interpreter import open_interpreter, run
from mqn.tflite.flatbuffer import Network
from mqn.tflite.resize import retarget

SIZE, CHANNELS, EPSILON = 32, 3, 1e-3
GAMMA = np.array([0.5, -2.0, 1.0], np.float32)
BETA = np.array([0.1, 0.7, -0.2], np.float32)


@pytest.fixture
def norm() -> Network:
    return _norm(1, SIZE, SIZE)


def _norm(batch: int, height: int, width: int) -> Network:
    """ldr -> instance norm as TensorFlow writes it -> ReLU -> hdr."""
    empty = schema.SubGraphT(tensors=[], inputs=[], outputs=[], operators=[])
    network = Network(schema.ModelT(version=3, operatorCodes=[], buffers=[schema.BufferT()], subgraphs=[empty]))
    single, whole = (batch, 1, 1, CHANNELS), (batch, height, width, CHANNELS)
    ldr = _tensor(network, "ldr", whole)
    axes = network.add_constant("axes", np.array([1, 2]))
    mean = _operator(network, "MEAN", [ldr, axes], "norm/mean", single, "ReducerOptions", keepDims=True)
    squares = _operator(network, "SQUARED_DIFFERENCE", [ldr, mean], "norm/squares", whole)
    variance = _operator(network, "MEAN", [squares, axes], "norm/variance", single, "ReducerOptions", keepDims=True)
    epsilon = _constant(network, "epsilon", np.array(EPSILON, np.float32))
    sum_ = _operator(network, "ADD", [variance, epsilon], "norm/sum", single, "AddOptions")
    root = _operator(network, "RSQRT", [sum_], "norm/root", single)
    scale = _operator(network, "MUL", [root, _constant(network, "gamma", GAMMA)], "norm/scale", single, "MulOptions")
    scaled = _operator(network, "MUL", [ldr, scale], "norm/scaled", whole, "MulOptions")
    centre = _operator(network, "MUL", [mean, scale], "norm/centre", single, "MulOptions")
    shift = _operator(network, "SUB", [_constant(network, "beta", BETA), centre], "norm/shift", single, "SubOptions")
    relu = schema.ActivationFunctionType.RELU
    hdr = _operator(network, "ADD", [scaled, shift], "hdr", whole, "AddOptions", fusedActivationFunction=relu)
    network.set_edges({"ldr": ldr}, {"hdr": hdr})
    return network.copy()


def _expected(picture: np.ndarray) -> np.ndarray:
    mean, variance = (method((1, 2), np.float64, keepdims=True) for method in (picture.mean, picture.var))
    return np.maximum((picture - mean) / np.sqrt(variance + EPSILON) * GAMMA + BETA, 0)


@pytest.mark.parametrize("spread", [0.001, 1.0, 30.0])
def test_the_same_numbers_with_fewer_passes(norm: Network, spread: float) -> None:
    picture = np.random.default_rng(1).normal((0.5, -2, 4), 1, (1, SIZE, SIZE, CHANNELS)).astype(np.float32) * spread
    before = run(open_interpreter(norm.to_bytes()), {"ldr": picture})["hdr"]
    assert lengthen_norms(norm) == 1
    after = run(open_interpreter(norm.to_bytes()), {"ldr": picture})["hdr"]
    np.testing.assert_allclose(after, before, atol=1e-5)
    np.testing.assert_allclose(after, _expected(picture), atol=1e-5)


@pytest.mark.parametrize("shape", [(2, 5, 7, CHANNELS), (3, 1, 4, CHANNELS), (1, 9, 1, CHANNELS), (2, 2, 2, CHANNELS)])
def test_every_picture_of_any_shape_has_its_own_norm(shape: tuple[int, ...]) -> None:
    network = _norm(*shape[:3])
    generator = np.random.default_rng(2)
    picture = (generator.normal(size=shape) * generator.uniform(0.1, 9, (shape[0], 1, 1, 1))).astype(np.float32)
    picture += np.arange(shape[0], dtype=np.float32).reshape(-1, 1, 1, 1)
    assert lengthen_norms(network) == 1
    found = run(open_interpreter(network.to_bytes()), {"ldr": picture})["hdr"]
    np.testing.assert_allclose(found, _expected(picture), atol=2e-5)
    assert lengthen_norms(network) == 0


def test_what_reads_the_mean_finds_it(norm: Network) -> None:
    mean = norm.index("norm/mean")
    early = schema.OperatorT(opcodeIndex=norm.operator_code("RSQRT"), inputs=[mean], outputs=[])
    norm.tensors.append(schema.TensorT(name="early", shape=[1, 1, 1, CHANNELS], type=0, buffer=0, hasRank=True))
    early.outputs = [len(norm.tensors) - 1]
    norm.operators.insert(1, early)
    norm.set_edges(norm.inputs(), {**norm.outputs(), "early": early.outputs[0]})
    picture = np.random.default_rng(1).uniform(1, 2, (1, SIZE, SIZE, CHANNELS)).astype(np.float32)
    lengthen_norms(norm)
    found = run(open_interpreter(norm.to_bytes()), {"ldr": picture})
    np.testing.assert_allclose(found["early"], 1 / np.sqrt(picture.mean((1, 2), keepdims=True)), rtol=1e-5)
    np.testing.assert_allclose(found["hdr"], _expected(picture), atol=1e-4)


def test_every_pass_over_the_picture_is_over_long_rows(norm: Network) -> None:
    lengthen_norms(norm)
    whole = [1, SIZE, SIZE, CHANNELS]
    passes = [operator for operator in norm.operators if whole in (_shapes(norm, operator.inputs))]
    # Nothing that is read beside the picture is shorter than a row of it.
    assert Counter(norm.kind(operator) for operator in passes) == {"MEAN": 2, "SQUARE": 1, "MUL": 1, "ADD": 1}
    beside = [_shapes(norm, operator.inputs) for operator in passes if norm.kind(operator) in ("MUL", "ADD")]
    assert beside == [[whole, [1, 1, SIZE, CHANNELS]]] * 2


def test_a_flat_picture_stays_finite(norm: Network) -> None:
    picture = np.full((1, SIZE, SIZE, CHANNELS), 10.1, np.float32)
    lengthen_norms(norm)
    found = run(open_interpreter(norm.to_bytes()), {"ldr": picture})["hdr"]
    # Scale times picture, 640, has steps of 6e-5 in float32.
    np.testing.assert_allclose(found, np.broadcast_to(np.maximum(BETA, 0), found.shape), atol=1e-3)


def test_another_size_needs_no_new_constant(norm: Network, tmp_path: Path) -> None:
    lengthen_norms(norm)
    wide = retarget(norm.write(tmp_path / "a.tflite"), tmp_path / "b.tflite", 64, 96)
    picture = np.random.default_rng(1).random((1, 64, 96, CHANNELS), dtype=np.float32)
    found = run(open_interpreter(wide), {"ldr": picture})["hdr"]
    np.testing.assert_allclose(found, _expected(picture), atol=1e-5)


def test_squared_differences_that_something_else_reads_stay(norm: Network) -> None:
    norm.set_edges(norm.inputs(), {**norm.outputs(), "squares": norm.index("norm/squares")})
    assert lengthen_norms(norm) == 0


def _shapes(network: Network, indices: list[int]) -> list[list[int]]:
    return [list(network.tensors[index].shape) for index in indices]


def _tensor(network: Network, name: str, shape: tuple[int, ...]) -> int:
    network.tensors.append(schema.TensorT(name=name, shape=list(shape), type=0, buffer=0, hasRank=True))
    return len(network.tensors) - 1


def _constant(network: Network, name: str, value: np.ndarray) -> int:
    index = _tensor(network, name, value.shape)
    network.set_constant(index, value)
    return index


def _operator(
    network: Network,
    kind: str,
    inputs: list[int],
    name: str,
    shape: tuple[int, ...],
    options: str = "",
    **values: Any,
) -> int:
    result = _tensor(network, name, shape)
    if options:
        network.operators.append(new_operator(network, kind, inputs, result, options, **values))
    else:
        code = network.operator_code(kind)
        network.operators.append(schema.OperatorT(opcodeIndex=code, inputs=inputs, outputs=[result]))
    return result
