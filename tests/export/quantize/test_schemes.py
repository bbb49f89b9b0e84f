"""What the table of kernels promises, the runtime keeps: every operator by itself, under every scheme."""

from __future__ import annotations

import numpy as np
import pytest

from mqn.export.quantize.quantization import apply_plan
from mqn.export.quantize.rules import layer_name
from mqn.export.quantize.schemes import CONFIGS, DYNAMIC_MIN_WEIGHTS, FALLBACK, WEIGHTED, has_kernel
from mqn.infer.interpreter import open_interpreter, run
from mqn.records import Plan, Scheme
from mqn.tflite.flatbuffer import Network


def _layers(network: Network, scheme: str) -> list[str]:
    """Those that a rule may give the scheme."""
    found = []
    for operator in network.operators:
        kind = network.kind(operator)
        kernel = network.constant(operator.inputs[1]) if kind in WEIGHTED else None
        small = scheme.startswith("dynamic") and (kernel is None or kernel.size < DYNAMIC_MIN_WEIGHTS)
        if has_kernel(scheme, kind) and not small and (kernel is not None or scheme not in FALLBACK):
            found.append(layer_name(network, operator))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("scheme", CONFIGS)
def test_every_operator_runs_by_itself(toy: Network, pictures: np.ndarray, scheme: Scheme) -> None:
    expected = run(open_interpreter(toy.to_bytes()), {"ldr": pictures[:1]})["hdr"]
    layers = _layers(toy, scheme)
    assert "head.conv" in layers
    for layer in layers:
        plan = Plan(backbone="float32", head="float32", rules=f"{layer}={scheme}")
        ((network,), rules, _) = apply_plan(toy, "backbone/mix", plan, pictures)
        assert len(rules) == 3
        found = run(open_interpreter(network.to_bytes()), {"ldr": pictures[:1]})["hdr"]
        # Copies of values that are zero in both stay what they are; all else is rounded.
        assert np.abs(found - expected).max() < (0.2 if "wi4" in scheme else 0.02), layer


def test_kernels_that_there_are_not() -> None:
    assert not has_kernel("static_wi4_ai8", "DEPTHWISE_CONV_2D")
    assert not has_kernel("dynamic_wi4_afp32", "DEPTHWISE_CONV_2D")
    assert not has_kernel("static_wi8_ai16", "SQUARED_DIFFERENCE")
    assert not has_kernel("static_wi8_ai8", "DEPTH_TO_SPACE")
    assert not has_kernel("dynamic_wi8_afp32", "ADD")
    assert not has_kernel("static_wi8_ai8", "NO_SUCH_OPERATOR")
