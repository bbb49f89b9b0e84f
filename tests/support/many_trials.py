"""A study with thousands of finished trials, written straight into its database, and a loop whose work is nothing."""

from __future__ import annotations

import uuid
from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from optuna.trial import TrialState
from sqlalchemy import insert
from sqlalchemy.orm import Session

from mqn.parsing import to_plain
from mqn.records import Manifest
from mqn.search.artifacts import Artifact, ArtifactStore
from mqn.search.space.combinations import combinations
from mqn.search.space.dimensions import Params
from mqn.search.space.space import Space
from mqn.search.storage.trial_reading import VALUES
from mqn.search.storage.trial_writing import NewTrial, make_trials
from mqn.search.study.study import Study
from mqn.search.trials.sampling import with_distributions
from mqn.search.work.engine import Capacity
from mqn.search.work.jobs import Job, Outcome
from tests.support.records import make_trial

DIMENSIONS: dict[str, Any] = {
    "arch.width": {"low": 0.1, "high": 1.0},
    "arch.decoder_width": {"low": 0.5, "high": 2.0},
    "training.learning_rate": {"low": 1e-5, "high": 1e-2, "log": True},
    "training.lambda_l1": {"low": 0.1, "high": 1.0},
    "arch.attention": {"choices": ["none", "sa", "csa", "ca"]},
    "plan.backbone": {"choices": ["static_wi8_ai8", "float32"]},
    "plan.head": {"choices": ["dynamic_wi8_afp32", "float32"]},
}
"""Seven dimensions, as in a real space."""

_AT_A_TIME = 1000
_STEPS = ("train", "convert", "quantize", "score", "measure/board")
_OLD = "old-"


def definition(**changes: Any) -> dict[str, Any]:
    """A space with two objectives."""
    return {
        "name": "many",
        "sampler": "random",
        "trials": 100,
        "objectives": [{"metric": "psnr_tm"}, {"metric": "latency_ms"}],
        "dimensions": DIMENSIONS,
        **changes,
    }


def fill(study: Study, count: int, seed: int = 0) -> None:
    """Give a study so many complete trials, with points drawn evenly and records as a driver writes them."""
    source = np.random.default_rng(seed)
    points = [_point(study.space, source) for _ in range(count)]
    for begin in range(0, count, _AT_A_TIME):
        _write(study, points[begin : begin + _AT_A_TIME], begin, source)


def _point(space: Space, source: np.random.Generator) -> Params:
    return next(combinations(space.dimensions, {}, lambda dimension: dimension.wander(source)))


def _write(study: Study, points: Sequence[Params], begin: int, source: np.random.Generator) -> None:
    values = [[float(20 + 10 * source.random()), float(100 * source.random())] for _ in points]
    trials = []
    for i, (point, (psnr, latency)) in enumerate(zip(points, values, strict=True)):
        record = make_trial(
            begin + i,
            study=study.name,
            candidate=study.space.candidate(point),
            figures={"psnr_tm": psnr, "latency_ms": latency, "peak_memory_mb": 50.0, "psnr_tm_float": psnr},
            verdicts={"board": "ok"},
            artifacts=dict.fromkeys(_STEPS, f"{_OLD}{begin + i}"),
            seconds=dict.fromkeys(_STEPS, 1.0),
            label=study.space.label(study.space.candidate(point)),
        )
        params = with_distributions(study.space, point)
        trials.append(NewTrial(state=TrialState.COMPLETE, params=params, user={"record": to_plain(record)}))

    def write(session: Session, again: bool) -> None:
        mark = uuid.uuid4().hex
        made = make_trials(session, study.optuna._study_id, trials, mark=mark, again=again)
        rows = [
            {"trial_id": trial, "objective": i, "value": value, "value_type": "FINITE"}
            for (trial, _), pair in zip(made, values, strict=True)
            for i, value in enumerate(pair[: len(study.space.objectives)])
        ]
        session.execute(insert(VALUES), rows)

    study.store.write(study.optuna._study_id, write)


class MemoryStore(ArtifactStore):
    """Keeps artifacts without files in memory: what they cost is measured elsewhere."""

    def __init__(self) -> None:
        super().__init__(Path("/nowhere"))
        self._kept: dict[tuple[str, str], Artifact] = {}

    def put(self, job: Job) -> None:
        """A job was done: its value becomes the artifact's detail."""
        details = {"value": job.arguments["value"]}
        self._kept[job.id] = _artifact(job.stage, job.key, details)

    def find(self, stage: str, key: str) -> Artifact | None:
        old = _artifact(stage, key, {}) if key.startswith(_OLD) else None
        return self._kept.get((stage, key), old)

    def find_many(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Artifact]:
        found = {key: self.find(*key) for key in keys}
        return {key: artifact for key, artifact in found.items() if artifact is not None}

    find_whole = find_many


def _artifact(stage: str, key: str, details: dict[str, Any]) -> Artifact:
    manifest = Manifest(stage=stage, key=key, inputs={}, files={}, versions={}, seconds=0.0, details=details)
    return Artifact(folder=Path("/nowhere") / stage / key, manifest=manifest)


class NoWork:
    """An engine whose jobs have ended as soon as they are waited for; at most `most` at a time."""

    def __init__(self, cpus: float = 4.0, most: int = 1) -> None:
        self.capacity = Capacity(amounts={"CPU": cpus}, own_cpus=cpus)
        self._most = most
        self._jobs: dict[int, tuple[ArtifactStore, Job]] = {}
        self._count = 0

    def submit(self, store: ArtifactStore, job: Job) -> Hashable:
        self._count += 1
        self._jobs[self._count] = (store, job)
        return self._count

    def wait(self, handles: Sequence[Hashable], timeout: float) -> list[Hashable]:
        return list(handles[: self._most])

    def collect(self, handle: Hashable) -> Outcome:
        store, job = self._jobs.pop(handle)  # type: ignore[call-overload]
        assert isinstance(store, MemoryStore)
        store.put(job)
        return Outcome()

    def restart(self) -> None: ...

    def close(self) -> None: ...
