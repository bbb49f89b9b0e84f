"""The process behind `mqn.export.process`: reads jobs as lines of JSON on stdin, answers each with one line on stdout.

A job: `{"function": "quantize", "arguments": {...}}`. An answer: `@mqn {"result": ...}`, or `@mqn {"error": class,
"message": line}`; libraries that print to stdout do no harm. An exception that is not an `MqnError` ends the process
with its traceback.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from mqn.errors import MqnError
from mqn.parsing import from_mapping, to_plain

PREFIX = "@mqn "


def _convert(arguments: dict[str, Any]) -> Any:
    from mqn.export.convert import convert

    return convert(Path(arguments["checkpoint"]), Path(arguments["directory"]))


def _quantize(arguments: dict[str, Any]) -> Any:
    import numpy as np

    from mqn.export.quantize import quantize
    from mqn.records import Plan

    stored = Path(arguments["calibration"])
    calibration = np.load(stored)
    stored.unlink()
    plan = from_mapping(Plan, arguments["plan"], source="plan")
    tuned = Path(arguments["tuned"]) if arguments.get("tuned") else None
    return quantize(Path(arguments["float_model"]), plan, calibration, Path(arguments["directory"]), tuned)


def _finetune(arguments: dict[str, Any]) -> Any:
    import numpy as np

    from mqn.export.qat import finetune
    from mqn.records import Plan

    stored = [Path(arguments[name]) for name in ("calibration", "pictures")]
    calibration, pictures = (np.load(path) for path in stored)
    for path in stored:
        path.unlink()
    plan = from_mapping(Plan, arguments["plan"], source="plan")
    checkpoint, float_model = Path(arguments["checkpoint"]), Path(arguments["float_model"])
    return finetune(checkpoint, float_model, plan, calibration, pictures, Path(arguments["directory"]))


JOBS: dict[str, Callable[[dict[str, Any]], Any]] = {"convert": _convert, "finetune": _finetune, "quantize": _quantize}


def serve(jobs: TextIO, answers: TextIO) -> None:
    """Work through jobs until there are no more.

    Args:
        jobs: one JSON document a line.
        answers: one line each, in the same order.
    """
    for line in jobs:
        job = json.loads(line)
        try:
            answer = {"result": to_plain(JOBS[job["function"]](job["arguments"]))}
        except MqnError as error:
            answer = {"error": type(error).__name__, "message": str(error)}
        answers.write(PREFIX + json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve(sys.stdin, sys.stdout)
