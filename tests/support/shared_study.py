"""A study to hand on: trials in every state, artifacts behind each, and words that tell of the machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mqn.parsing import write_json
from mqn.records import Attempt, Span
from mqn.search.artifacts import ArtifactStore
from mqn.search.space.space import Space
from mqn.search.space.space_file import parse_space
from mqn.search.study.study import Study
from tests.support.records import make_measurement, make_scores, make_trial

HOST, FOLDER, ACCOUNT = "alices-laptop", "/home/alice/lab", "alice@10.1.2.3"
TELLING = (HOST, "alice", FOLDER, "/home/", "10.1.2.3", "hunter2")
"""What no export may hold."""


def shared_space() -> Space:
    """Networks of 50 widths, with weights of a file."""
    definition: dict[str, Any] = {
        "name": "shared",
        "sampler": "random",
        "trials": 40,
        "objectives": [{"metric": "psnr_tm"}, {"metric": "latency_ms"}],
        "constraints": [{"metric": "latency_ms", "max": 60.0}],
        "fixed": {"arch.encoder_weights": f"{FOLDER}/encoder.h5"},
        "dimensions": {"training.seed": {"low": 0, "high": 10_000}, "arch.attention": {"choices": ["none", "ca"]}},
    }
    return parse_space(definition, source="shared.toml")


def fill(study: Study, store: ArtifactStore, trials: int = 40) -> None:
    """End so many trials, every tenth of them as failed; then leave one that runs and one that waits."""
    study.set_goal(trials)
    study.optuna.set_user_attr("tracked", {"https://mlflow.lab:5000": trials})
    study.optuna.set_user_attr("devices", {"board": "board-1a2b3c4d"})
    for number in range(trials):
        trial = study.ask()
        assert trial is not None
        failed = number % 10 == 9
        latency = 10.0 + (7 * number) % 40
        record = make_trial(
            number,
            study=study.name,
            candidate=study.space.candidate(trial.params),
            state="failed" if failed else "complete",
            error=f"{HOST} cannot read {FOLDER}/x.png; ssh {ACCOUNT} failed" if failed else None,
            figures={} if failed else {"psnr_tm": 20.0 + latency / 5 - (number % 3), "latency_ms": latency},
            verdicts={} if failed else {"board": "ok"},
            violations={} if failed else {"latency_ms <= 60": latency - 60},
            artifacts=_artifacts(store, number),
            spans={"train": Span(begin=1.0e9 + number, end=1.0e9 + number + 5, host=HOST, process=7)},
            attempts=(
                Attempt(
                    step="train", error=("NodeLostError", f"{HOST} left"), span=Span(begin=1.0, end=2.0, host=HOST)
                ),
            ),
        )
        study.note(trial, record)
        study.finish(trial, record)
    study.enqueue([{"training.seed": 9_999, "arch.attention": "ca"}, {"training.seed": 9_998, "arch.attention": "ca"}])
    assert study.ask() is not None


def _artifacts(store: ArtifactStore, number: int) -> dict[str, str]:
    keys = {step: f"{step.partition('/')[0]}-{number}" for step in ("train", "quantize", "score", "measure/board")}
    for step, key in keys.items():
        with store.open(step.partition("/")[0], key) as slot:
            _write(slot.folder, step, number)
            (slot.folder / "log.txt").write_text(f"on {HOST}, in {FOLDER}\n")
            slot.publish(inputs={"where": f"{FOLDER}/x"}, versions={"mqn": "1"}, seconds=1.0, details={"n": number})
    return keys


def _write(folder: Path, step: str, number: int) -> None:
    if step == "train":
        (folder / "checkpoint.pt").write_bytes(b"weights" * 1000)
        history = [{"epoch": epoch, "loss": 1.0, "val_psnr_tm": 20.0 + number} for epoch in (1, 2)]
        (folder / "history.json").write_text(json.dumps(history))
    elif step == "quantize":
        (folder / "model.tflite").write_bytes(b"model" * 100 + bytes([number]))
    elif step == "score":
        write_json(folder / "scores.json", make_scores())
    else:
        write_json(folder / "measurement.json", make_measurement(parts=()))
