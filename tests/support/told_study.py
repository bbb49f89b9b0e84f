"""A study whose trials say all that panels of a dashboard show: times, rungs, curves, pictures, measurements."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mqn.parsing import write_json
from mqn.records import Span
from mqn.search.artifacts import ArtifactStore
from tests.support.records import make_measurement, make_scores
from tests.support.watched_study import WatchedStudy

EPOCHS, RUNG = 9, 1
SIDE = 64
SCENES = ("window", "lamp")
FLOAT_VALUE, EXPORTED_VALUE = 60, 180
"""What the middle of a prediction shows, as a byte: so a test can tell whose it is."""
STOPPED, GATED = ("none", 0.2), ("sa", 0.2)
"""Attention and width of the training that a rung stopped, and of the one that the gate held back."""
_TRIALS = 46
_BEGAN = 1.8e9


def make_told_study(url: str, home: Path) -> WatchedStudy:
    """Twelve trainings with up to four plans each; `home` holds the artifacts."""
    dimensions = {
        "arch.attention": {"choices": ["none", "sa", "csa", "ca"]},
        "arch.width": {"choices": [0.2, 0.5, 1.0]},
        "plan.backbone": {"choices": ["static_wi8_ai8", "float32"]},
        "plan.head": {"choices": ["dynamic_wi8_afp32", "float32"]},
    }
    watched = WatchedStudy("told", url, dimensions=dimensions, fixed={"training.epochs": EPOCHS}, rungs={"levels": 3})
    store = ArtifactStore(home / "artifacts")
    _keep(store, "score", "told-exported", lambda folder: _write_scores(folder, EXPORTED_VALUE))
    _keep(store, "score", "told-float", lambda folder: _write_scores(folder, FLOAT_VALUE))
    _keep(store, "measure", "told-measure", lambda folder: write_json(folder / "measurement.json", make_measurement()))
    kept: set[str] = set()
    for number in range(_TRIALS):
        trial = watched.begin()
        flat = watched.space.candidate(trial.params).flat()
        kind, width = flat["arch.attention"], flat["arch.width"]
        key = f"told-{kind}-{width}"
        if key not in kept and (kind, width) != GATED:
            kept.add(key)
            epochs = RUNG if (kind, width) == STOPPED else EPOCHS
            height = 20.0 + 3 * width + {"none": 0.0, "sa": 0.3, "csa": 0.5, "ca": 0.8}[kind]
            _keep(store, "train", key, lambda folder, top=height, n=epochs: _write_history(folder, top, n))
        watched.end(trial, **_ended(kind, width, key, number))
    return watched


def _ended(kind: str, width: float, key: str, number: int) -> dict[str, Any]:
    if (kind, width) == STOPPED:
        return {"state": "stopped", "figures": {}, "verdicts": {}, "artifacts": {f"train/rung-{RUNG}": key}}
    if (kind, width) == GATED:
        gate = {"latency_ms/board": 30.0}
        return {"state": "gated", "figures": {}, "verdicts": {}, "artifacts": {}, "gate": gate}
    steps = {"train": key, "score/float": "told-float", "score": "told-exported", "measure/board": "told-measure"}
    begin = _BEGAN + 400.0 * number
    spans = {
        "train": Span(begin=begin, end=begin + 300, host=f"lab{number % 2 + 1}", process=7),
        "score": Span(begin=begin + 310, end=begin + 370, host="lab1", process=8),
        "measure/board": Span(begin=begin + 400, end=begin + 420, host="lab1", process=9, device="board"),
    }
    return {"artifacts": steps, "spans": spans}


def _keep(store: ArtifactStore, stage: str, key: str, write: Callable[[Path], object]) -> None:
    with store.open(stage, key) as slot:
        write(slot.folder)
        inputs = {"size": SIDE, "scoring": {"inputs": "operators"}} if stage == "score" else {}
        slot.publish(inputs=inputs, versions={"mqn": "0.1.0"}, seconds=1.0, details={})


def _write_history(folder: Path, top: float, epochs: int) -> None:
    curve = [{"epoch": n, "loss": 1 / (n + 1), "val_psnr_tm": top - 2.0 / (n + 1)} for n in range(epochs)]
    write_json(folder / "history.json", curve)


def _write_scores(folder: Path, value: int) -> None:
    """Scores, and a strip as the stage draws it: rows of input, prediction and truth."""
    write_json(folder / "scores.json", make_scores(names=SCENES))
    rows = [np.concatenate([_scene(place, shown) for shown in (230, value, 120)], axis=1) for place in range(2)]
    cv2.imwrite(str(folder / "strip.png"), np.concatenate(rows))


def _scene(place: int, middle: int) -> np.ndarray:
    """A ramp with a square in its middle."""
    ramp = np.linspace(0, 255, SIDE).astype(np.uint8)
    picture = np.repeat(
        (np.tile(ramp, (SIDE, 1)) if place == 0 else np.tile(ramp[:, None], (1, SIDE)))[..., None], 3, 2
    )
    picture[SIDE // 4 : -SIDE // 4, SIDE // 4 : -SIDE // 4] = middle
    return np.ascontiguousarray(picture)
