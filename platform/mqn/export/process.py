"""Run a step of the export in a process of its own, so that TensorFlow never meets the caller's Ray or threads."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from mqn import errors
from mqn.errors import ExportError, MqnError, ProcessCrashedError, ProcessLostError
from mqn.export.worker import JOBS, PREFIX
from mqn.faults import ran_out_of_memory
from mqn.parsing import to_plain

_TAIL_LINES = 12
# What a process does to itself; every other signal comes from elsewhere.
_OWN_SIGNALS = (signal.SIGSEGV, signal.SIGABRT, signal.SIGILL, signal.SIGFPE, signal.SIGBUS, signal.SIGTRAP)
_kept: list[Worker] = []


def run(function_name: str, **kwargs: Any) -> Any:
    """Run one step in this program's export process: started at the first step, kept for the next ones.

    Args:
        function_name: `convert`, `prune`, `finetune` or `quantize`.
        kwargs: the function's arguments: paths, records, numbers, and arrays, which travel as files beside the result.

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
        _kept[:] = [Worker()]
        atexit.register(_kept[0].close)
    return _kept[0].run(function_name, **kwargs)


class Worker:
    """A process that works through many steps, so that libraries are imported once.

    Quantizing imports neither torch nor TensorFlow; converting imports both at the first conversion.
    """

    def __init__(self) -> None:
        """Start the process."""
        environment = {**os.environ, "TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONUNBUFFERED": "1"}
        self._process = subprocess.Popen(
            # Nothing that lies in the user's folder is taken for a library.
            [sys.executable, "-P", "-m", "mqn.export.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def __enter__(self) -> Worker:
        """The worker itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the process."""
        self.close()

    @property
    def alive(self) -> bool:
        """Whether it can take another step."""
        return self._process.poll() is None

    def run(self, function_name: str, **kwargs: Any) -> Any:
        """Work through one step; see `run`."""
        if function_name not in JOBS:
            raise ExportError(f"no export step {function_name!r}; {errors.nearest(function_name, JOBS)}")
        self._tail.clear()
        job = {"function": function_name, "arguments": {name: _plain(name, v, kwargs) for name, v in kwargs.items()}}
        answer = self._ask(json.dumps(job))
        if answer is None:
            self._process.wait()
            self._listener.join(timeout=5)
            raise _ended(function_name, self._process.returncode, self._last_words())
        if "error" in answer:
            kind = getattr(errors, answer["error"])
            error = kind.__new__(kind)  # Some put their line together from other arguments.
            Exception.__init__(error, answer["message"])
            raise error
        paths = answer["result"]
        return tuple(map(Path, paths)) if isinstance(paths, list) else Path(paths)

    def close(self) -> None:
        """Stop the process, which ends when its input does."""
        if self._process.stdin and not self._process.stdin.closed:
            with contextlib.suppress(BrokenPipeError):  # What a killed process did not read is flushed here.
                self._process.stdin.close()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._listener.join(timeout=5)
        for stream in (self._process.stdout, self._process.stderr):
            if stream:
                stream.close()

    def _ask(self, line: str) -> dict[str, Any] | None:
        """The answer to one job; None where the process died over it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return None
        for answer in self._process.stdout:
            if answer.startswith(PREFIX):
                parsed: dict[str, Any] = json.loads(answer.removeprefix(PREFIX))
                return parsed
        return None

    def _listen(self) -> None:
        assert self._process.stderr
        for line in self._process.stderr:
            self._tail.append(line.strip())

    def _last_words(self) -> str:
        return " | ".join(line for line in self._tail if line)[-600:] or "it said nothing"


def _ended(function_name: str, code: int, words: str) -> MqnError:
    """Why a process ended in the middle of a step: whether it was killed, crashed, or raised something."""
    if code >= 0 and not ran_out_of_memory(words):
        return ExportError(f"{function_name}: its process ended with code {code}: {words}")
    name = signal.Signals(-code).name if code < 0 and -code in signal.valid_signals() else f"code {code}"
    if -code in _OWN_SIGNALS and not ran_out_of_memory(words):
        return ProcessCrashedError(f"{function_name}: its process crashed ({name}): {words}")
    short = "; perhaps memory was short" if -code == signal.SIGKILL else ""
    return ProcessLostError(f"{function_name}: its process was killed ({name}){short}; its last words: {words}")


def _plain(name: str, value: Any, arguments: dict[str, Any]) -> Any:
    """An argument as JSON; an array goes into a file in the step's directory."""
    if not isinstance(value, np.ndarray):
        return to_plain(value)
    directory = Path(arguments["directory"])
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f".{name}.npy"
    np.save(path, value)
    return str(path)
