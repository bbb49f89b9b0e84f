"""The process behind `mqn.export.process`: reads jobs as lines of JSON on stdin, answers each with one line on stdout.

A job: `{"function": "quantize", "arguments": {...}}`. An answer: `@mqn {"result": ...}`, or `@mqn {"error": class,
"message": line}`; libraries that print to stdout do no harm. An exception that is neither an `MqnError` nor a fault of
machinery ends the process with its traceback. When whoever gave a job is gone, so is the worker, at once: nothing of it
goes on writing into a folder that somebody else takes up.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

from mqn.errors import FaultError, MqnError
from mqn.faults import fault_of, refused_path
from mqn.parsing import from_mapping, to_plain

PREFIX = "@mqn "


def _convert(arguments: dict[str, Any]) -> Any:
    from mqn.export.convert import convert

    return convert(Path(arguments["checkpoint"]), Path(arguments["directory"]))


def _quantize(arguments: dict[str, Any]) -> Any:
    from mqn.export.quantize import quantize
    from mqn.records import Plan

    (calibration,) = _arrays(arguments, "calibration")
    plan = from_mapping(Plan, arguments["plan"], source="plan")
    tuned = Path(arguments["tuned"]) if arguments.get("tuned") else None
    return quantize(Path(arguments["float_model"]), plan, calibration, Path(arguments["directory"]), tuned)


def _prune(arguments: dict[str, Any]) -> Any:
    from mqn.export.pruning_training import prune_checkpoint

    (pictures,) = _arrays(arguments, "pictures")
    checkpoint, directory = Path(arguments["checkpoint"]), Path(arguments["directory"])
    return prune_checkpoint(checkpoint, arguments["sparsity"], arguments["steps"], pictures, directory)


def _finetune(arguments: dict[str, Any]) -> Any:
    from mqn.export.qat import finetune
    from mqn.records import Plan

    calibration, pictures = _arrays(arguments, "calibration", "pictures")
    plan = from_mapping(Plan, arguments["plan"], source="plan")
    checkpoint, float_model = Path(arguments["checkpoint"]), Path(arguments["float_model"])
    teacher = Path(arguments["teacher"]) if arguments.get("teacher") else None
    return finetune(checkpoint, float_model, plan, calibration, pictures, Path(arguments["directory"]), teacher)


def _arrays(arguments: dict[str, Any], *names: str) -> list[Any]:
    """Arrays that came as files, which go once they are read."""
    import numpy as np

    stored = [Path(arguments[name]) for name in names]
    arrays = [np.load(path) for path in stored]
    for path in stored:
        path.unlink()
    return arrays


JOBS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "convert": _convert,
    "prune": _prune,
    "finetune": _finetune,
    "quantize": _quantize,
}


def serve(jobs: Iterable[str], answers: TextIO) -> None:
    """Work through jobs until there are no more.

    Args:
        jobs: one JSON document a line.
        answers: one line each, in the same order.
    """
    for line in jobs:
        job = json.loads(line)
        try:
            answer = {"result": to_plain(JOBS[job["function"]](job["arguments"]))}
        except Exception as error:
            failure = fault_of(error) or (error if isinstance(error, MqnError) else refused_path(error))
            if failure is None:
                raise
            answer = {"error": type(failure).__name__, "message": _at(job, failure)}
        answers.write(PREFIX + json.dumps(answer) + "\n")
        answers.flush()


def _at(job: dict[str, Any], failure: MqnError) -> str:
    """A failure's line; of a fault also the step and where it wrote."""
    if not isinstance(failure, FaultError):
        return str(failure)
    return f"{job['function']} in {job['arguments'].get('directory')}: {failure}"


def while_asked(lines: Iterable[str]) -> Iterator[str]:
    """Jobs as they come; the process ends when there are no more to come, whatever it is at.

    Whoever waits for an answer keeps the stream open: its end in the middle of a job means that nobody waits.

    Args:
        lines: read in a thread of its own.
    """
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        for line in lines:
            waiting.put(line)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    while True:
        yield waiting.get()


if __name__ == "__main__":
    serve(while_asked(sys.stdin), sys.stdout)
