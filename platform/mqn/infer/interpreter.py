"""LiteRT's interpreter, with failures named."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from mqn.errors import ModelFileError
from mqn.tflite.flatbuffer import SIGNATURE, Network

_STDERR = 2


def open_interpreter(model: Path | bytes, *, threads: int = 1, preserve: bool = False) -> Interpreter:
    """Load a model and allocate its tensors, with the XNNPACK delegate that is LiteRT's default.

    Args:
        model: a file, or a file's content.
        threads: of the runtime.
        preserve: whether every tensor's value can be read after a run, at the price of memory.

    Raises:
        ModelFileError: the file is missing, truncated or damaged.
    """
    source = f"the model of {len(model)} bytes" if isinstance(model, bytes) else str(model)
    given = {"model_content": model} if isinstance(model, bytes) else {"model_path": str(model)}
    if not isinstance(model, bytes) and not model.is_file():
        raise ModelFileError(f"no model file {source}")
    _swallow_announcement()
    try:
        interpreter = Interpreter(**given, num_threads=threads, experimental_preserve_all_tensors=preserve)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:160]
        raise ModelFileError(f"{source} is truncated or damaged ({reason}); export it again") from error
    return interpreter


@functools.cache
def _swallow_announcement() -> None:
    """Have LiteRT say that it made its delegate, which it does once a process and has no switch for, to nobody.

    On a model of one operator, so that nothing is lost of what it has to say about other models.
    """
    network = Network(
        schema.ModelT(version=3, operatorCodes=[], buffers=[schema.BufferT()], subgraphs=[_one_operator()])
    )
    network.operators[0].opcodeIndex = network.operator_code("LOGISTIC")
    stderr = os.dup(_STDERR)
    try:
        with Path(os.devnull).open("wb") as nobody:
            os.dup2(nobody.fileno(), _STDERR)
        Interpreter(model_content=network.to_bytes()).allocate_tensors()
    finally:
        os.dup2(stderr, _STDERR)
        os.close(stderr)


def _one_operator() -> Any:
    tensors = [schema.TensorT(name=name, shape=[1], type=schema.TensorType.FLOAT32, buffer=0) for name in "ab"]
    operator = schema.OperatorT(opcodeIndex=0, inputs=[0], outputs=[1])
    return schema.SubGraphT(tensors=tensors, inputs=[0], outputs=[1], operators=[operator])


def run(interpreter: Interpreter, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Run a model once.

    Inputs and outputs have their names in the model's signature. Inputs that the model does not know are left out.
    """
    runner = interpreter.get_signature_runner(SIGNATURE)
    wanted = runner.get_input_details()
    outputs: dict[str, Any] = runner(**{name: value for name, value in inputs.items() if name in wanted})
    return outputs
