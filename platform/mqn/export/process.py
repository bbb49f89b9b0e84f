"""Run a step of the export in a process of its own, so that TensorFlow never meets the caller's Ray or threads."""

from __future__ import annotations

import atexit
import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from mqn import errors
from mqn.errors import ExportError, MqnError, ProcessCrashedError, ProcessLostError
from mqn.faults import fault_of, refused_path
from mqn.workers import End, EndedError, Worker

# Named, not imported: quantizing loads neither torch nor TensorFlow; converting loads both.
STEPS = {
    "convert": "mqn.export.twin.convert:convert",
    "prune": "mqn.export.tune.pruning_training:prune_checkpoint",
    "finetune": "mqn.export.tune.qat:finetune",
    "quantize": "mqn.export.quantize.quantization:quantize",
}
"""A step's name to the module and function that do it."""

_ENVIRONMENT = {"TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
_kept: list[ExportProcess] = []


def run(step: str, **arguments: Any) -> Any:
    """Run one step in this program's export process: started at the first step, kept for the next ones.

    Args:
        step: `convert`, `prune`, `finetune` or `quantize`.
        arguments: those of the step's function.

    Returns:
        What the function returns: paths.

    Raises:
        ExportError: conversion failed; the end of the process's stderr stands in the message.
        ProcessLostError: the process was killed, or memory was used up; the next step has a new one. A
            `ProcessCrashedError` where it crashed by itself.
        DiskError: the disk is full, or fails.
        PlanError: the plan cannot be carried out.
        ModelFileError: a file is damaged.
        WeightsError: a checkpoint is damaged.
        TrainingError: fine-tuning came to nothing.
    """
    if not _kept or not _kept[0].alive:
        _kept[:] = [ExportProcess()]
        atexit.register(_kept[0].close)
    return _kept[0].run(step, **arguments)


class ExportProcess(Worker):
    """A process that works through many steps, so that libraries are imported once."""

    def __init__(self) -> None:
        """Start the process."""
        super().__init__(step_handler, environment=_ENVIRONMENT, keep_words=True)

    def __enter__(self) -> ExportProcess:
        """The process itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the process."""
        self.close()

    def run(self, step: str, **arguments: Any) -> Any:
        """Work through one step; see `run`."""
        if step not in STEPS:
            raise ExportError(f"no export step {step!r}; {errors.nearest(step, STEPS)}")
        self.start((step, arguments))
        try:
            _, result = self.receive()
            self.receive()  # That it is done.
        except EndedError as error:
            raise _ended(step, error.end) from None
        return result


def _ended(step: str, end: End) -> MqnError:
    """Why a process ended in the middle of a step: whether it was killed, crashed, or raised something."""
    kind = ProcessLostError if end.killed else ProcessCrashedError if end.crashed else ExportError
    return kind(f"{step}: {replace(end, words=end.words or 'it said nothing')}")


def step_handler() -> Callable[[tuple[str, Mapping[str, Any]]], Iterator[Any]]:
    """What handles a worker's tasks: a step's name and its arguments."""
    return _carry_out


def _carry_out(task: tuple[str, Mapping[str, Any]]) -> Iterator[Any]:
    name, arguments = task
    module, function = STEPS[name].split(":")
    try:
        yield getattr(importlib.import_module(module), function)(**arguments)
    except Exception as error:
        fault = fault_of(error) or refused_path(error)
        if fault is None:
            raise
        raise type(fault)(f"{name} in {arguments.get('directory')}: {fault}") from error
