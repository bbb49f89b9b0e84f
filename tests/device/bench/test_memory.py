from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from tests.support.tflite_models import convolutions

from mqn.device.bench.memory import DUMMY_MODEL, PEAK_RESET


@pytest.mark.slow
def test_a_memory_pass_sees_the_models_tensors(run_pass) -> None:
    # A picture of 512 x 512 x 8 floats is 8.4 MB: the model holds at least input and output.
    memory = run_pass("memory", convolutions(512, 8, kernel=1)).memory
    if memory.peak_mb is None:
        pytest.skip(f"this kernel does not tell: {memory.method}")
    assert memory.peak_mb > 2 * 512 * 512 * 8 * 4 / 1e6
    assert memory.baseline_mb > 1


@pytest.mark.slow
def test_memory_that_the_start_took_is_none_of_the_models(run_pass) -> None:
    memory = run_pass("memory", convolutions(8, 3)).memory
    if memory.method != PEAK_RESET:
        pytest.skip("this kernel does not let a process write to /proc/self/clear_refs")
    assert memory.peak_mb < 5


def test_the_dummy_is_one_addition() -> None:
    interpreter = Interpreter(model_content=DUMMY_MODEL)
    interpreter.allocate_tensors()
    for detail, value in zip(interpreter.get_input_details(), (2, 3), strict=True):
        interpreter.set_tensor(detail["index"], np.full((1, 1), value, np.float32))
    interpreter.invoke()
    assert interpreter.get_tensor(interpreter.get_output_details()[0]["index"]) == 5
    assert len(DUMMY_MODEL) < 1000
