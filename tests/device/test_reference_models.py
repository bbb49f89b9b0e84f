from __future__ import annotations

import numpy as np
import pytest

from mqn.device.reference_models import REFERENCE_MODELS, chain, write_reference_models, write_trial_model


@pytest.mark.parametrize("name", REFERENCE_MODELS)
def test_a_reference_model_runs_and_neither_saturates_nor_fades(tmp_path, name):
    from ai_edge_litert.interpreter import Interpreter

    files = write_reference_models(tmp_path)
    interpreter = Interpreter(str(files[name]), num_threads=1)
    interpreter.allocate_tensors()
    taken, given = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    noise = np.random.default_rng(0).normal(0, 20 if taken["dtype"] is np.int8 else 1, taken["shape"])
    interpreter.set_tensor(taken["index"], noise.astype(taken["dtype"]))
    interpreter.invoke()
    spread = interpreter.get_tensor(given["index"]).astype(float).std()
    assert 0.5 < spread < 100


def test_the_same_bytes_every_time_and_on_every_machine(tmp_path):
    assert chain(8, 4, ("spatial",), "int8") == chain(8, 4, ("spatial",), "int8")
    assert write_trial_model(tmp_path / "trial.tflite").stat().st_size < 4096
