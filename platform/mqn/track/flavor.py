"""The flavour `mqn`: what makes a folder with an exported model a model of MLflow's.

MLflow reads the file `MLmodel` beside the TFLite files and their manifest, and imports `mqn.infer.pyfunc`, which takes
pictures and gives HDR pictures. The file says the same of every model, so one file serves all.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mqn.files.publishing import publish_file

MLMODEL = "MLmodel"
MODEL = "model"
"""The folder of a trial's model within its run."""
MODEL_TYPE = "mqn"

_MANIFEST = "manifest.json"
_PICTURES = [-1, -1, -1, 3]


def completed(artifacts: Mapping[str, Path], file: Path) -> Mapping[str, Path]:
    """The artifacts of a run, with the file `MLmodel` beside an exported model among them.

    Args:
        artifacts: path within the run to a local file or folder.
        file: the file `MLmodel`, as `write_mlmodel` wrote it.
    """
    return {**artifacts, f"{MODEL}/{MLMODEL}": file} if f"{MODEL}/{_MANIFEST}" in artifacts else artifacts


def is_model(artifacts: Mapping[str, str]) -> bool:
    """Whether a run's artifacts hold a model that MLflow can load."""
    return f"{MODEL}/{MLMODEL}" in artifacts


def write_mlmodel(file: Path) -> Path:
    """Write the file `MLmodel`, unless it is there as this version writes it; returns its path."""
    text = json.dumps(mlmodel(), indent=1) + "\n"
    if not file.is_file() or file.read_text(encoding="utf-8") != text:
        unfinished = file.with_name(f".{file.name}.new")
        unfinished.write_text(text, encoding="utf-8")
        publish_file(unfinished, file)
    return file


def mlmodel() -> dict[str, Any]:
    """What the file says; JSON is YAML too.

    MLflow itself would refuse all but arrays of one type. The loader takes floats, 16 bits and lists of pictures of
    different sizes as well, and says what is wrong with others. So MLflow is told that the model checks its input.
    """
    return {
        "flavors": {
            "mqn": {"mqn_version": version("mqn-platform")},
            "python_function": {"loader_module": "mqn.infer.pyfunc", "python_version": platform.python_version()},
        },
        "is_signature_from_type_hint": True,
        "mlflow_version": version("mlflow"),
        "signature": {"inputs": _tensor("uint8"), "outputs": _tensor("float32"), "params": None},
        "type_hint_from_example": False,
    }


def _tensor(kind: str) -> str:
    return json.dumps([{"type": "tensor", "tensor-spec": {"dtype": kind, "shape": _PICTURES}}])
