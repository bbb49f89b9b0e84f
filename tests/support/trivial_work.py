"""The work of trivial stages, apart from the pipeline: a worker process that runs it imports little."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mqn.errors import ExportError, TrainingError


def pause(seconds: Mapping[str, float], stage: str) -> None:
    time.sleep(seconds.get(stage, 0.0))


def work(
    folder: Path, *, log: Path, stage: str, name: str, seconds: Mapping[str, float], value: float
) -> dict[str, Any]:
    """Begin, take some time, end; each leaves a line of its own."""
    _note(log, "begin", stage, name)
    pause(seconds, stage)
    if name.startswith("sa") and stage == "train" and value < 0:
        raise TrainingError("the loss is not finite")
    if stage == "convert" and value < 0:
        raise ExportError("not the same network")
    (folder / "out.json").write_text(json.dumps(value))
    _note(log, "end", stage, name)
    return {"value": value}


def _note(log: Path, what: str, stage: str, name: str) -> None:
    # One write of a short line with O_APPEND is atomic.
    handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, f"{what} {stage} {name}\n".encode())
    os.close(handle)
