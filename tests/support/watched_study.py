"""A study that grows under a test's hands, as its drivers would let it grow, and what its driver says meanwhile."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from mqn.records import TrialRecord
from mqn.search.space.space_file import parse_space
from mqn.search.storage.lease import Lease
from mqn.search.storage.snapshots import LARGEST_CHARACTERS, make_snapshots, write_snapshot
from mqn.search.storage.store import StudyStore, connect
from mqn.search.study.about import About
from mqn.search.study.studies import create_study
from mqn.search.study.study import Study
from mqn.search.watch.snapshot import DeviceState, RunningJob, Snapshot, WaitingJobs
from tests.support.many_trials import definition
from tests.support.records import make_trial

HOSTILE = "<img src=x onerror=\"document.title='owned'\">"
"""A text that a page must show as it stands."""


class WatchedStudy:
    """A study driven from here: its trials are begun and recorded one by one."""

    def __init__(self, name: str, url: str, *, constraint: float | None = None, **changes: Any) -> None:
        if constraint is not None:
            changes["constraints"] = [{"metric": "latency_ms", "max": constraint}]
        self.space = parse_space(definition(trials=400, **changes), source=name)
        about = About(space=self.space.definition, space_hash=self.space.hash, space_name=name)
        self.store: StudyStore = connect(url)
        self.lease = Lease(self.store.database, name, self.store.patience)
        self.lease.take()
        self.study: Study = create_study(name, self.store, about, self.lease)
        self._source = np.random.default_rng(7)

    def begin(self) -> Any:
        """Begin a trial, which runs until `end`."""
        trial = self.study.ask()
        assert trial is not None
        return trial

    def end(self, trial: Any, **changes: Any) -> TrialRecord:
        """End a trial: complete with figures as networks have them, or as `changes` of its record say."""
        record = self._record(trial, **changes)
        self.study.note(trial, record)
        if record.state != "held":
            self.study.finish(trial, record)
        return record

    def add(self, **changes: Any) -> TrialRecord:
        """Begin a trial and end it."""
        return self.end(self.begin(), **changes)

    def say(self, **changes: Any) -> None:
        """Write what a driver says of itself."""
        told = {"study": self.study.name, "at": time.time(), "began": time.time() - 3600, "goal": 400}
        text = Snapshot(**{**told, **SAID, **changes}).text(LARGEST_CHARACTERS)
        engine = self.store.database.engine
        make_snapshots(engine, self.study.name)
        (driver, _), *_ = self.study.drivers()
        write_snapshot(engine, driver.id, self.study.name, text)

    def _record(self, trial: Any, **changes: Any) -> TrialRecord:
        candidate = self.space.candidate(trial.params)
        number = trial.number
        figures = figures_of(candidate.flat(), self._source)
        given: dict[str, Any] = {
            "study": self.study.name,
            "candidate": candidate,
            "label": self.space.label(candidate),
            "figures": figures,
            "verdicts": {"board": "ok" if number % 9 else "unsteady"},
            "artifacts": {
                "train": f"{number:08x}",
                "quantize": f"{number + 4096:08x}",
                "score": f"{number + 8192:08x}",
            },
            "seconds": {"train": 600.0, "quantize": 8.0, "score": 20.0},
            "violations": {
                text: figures["latency_ms"] - constraint.max
                for constraint in self.space.constraints
                for text in constraint.texts
                if constraint.max is not None
            },
        }
        return make_trial(number, **{**given, **changes})


def figures_of(flat: dict[str, Any], source: np.random.Generator) -> dict[str, float]:
    """Accuracy and latency as networks have them: both rise with their widths, and quantization trades one for one."""
    width, decoder = flat["arch.width"], flat["arch.decoder_width"]
    attention = {"none": (0.0, 0.0), "sa": (0.35, 0.8), "csa": (0.5, 1.6), "ca": (0.6, 1.1)}[flat["arch.attention"]]
    whole = flat["plan.backbone"] == "float32"
    drop = 0.05 if whole else 0.3 + 0.3 * float(source.random())
    reached = (
        21.0 + 5.2 * width**0.4 + 0.7 * decoder**0.5 + attention[0] - 40 * abs(flat["training.lambda_l1"] - 0.6) / 100
    )
    psnr = reached - drop + float(source.normal(0, 0.25))
    latency = (3.0 + 22 * width**1.6 + 4 * decoder + attention[1]) * (1.0 if whole else 0.46)
    latency *= 1 + 0.02 * float(source.normal())
    spread = latency * 0.012
    return {
        "psnr_tm": psnr,
        "psnr_tm_float": psnr + drop,
        "psnr_tm_drop": drop,
        "latency_ms": latency,
        "latency_ms.p50_low": latency - spread,
        "latency_ms.p50_high": latency + spread,
        "latency_ms.p90": latency * 1.08,
        "peak_memory_mb": 20 + 60 * width,
        "size_bytes": float(round((4e6 if whole else 1.1e6) * (0.2 + width))),
    }


SAID: dict[str, Any] = {
    "active": 3,
    "finished": 42,
    "running": {"train": 2, "measure": 1},
    "queued": {"score": 2, "measure": 1},
    "nodes": 2,
    "there": {"CPU": 8.0, "memory": 32.0 * 2**30},
    "jobs": (
        RunningJob(trial=61, stage="train", key="ab", doing="train, epoch 3 of 8", since=time.time() - 190),
        RunningJob(
            trial=60, stage="measure", key="cd", doing="measure on board", since=time.time() - 21, device="board"
        ),
    ),
    "waiting": (WaitingJobs(stage="score", why="2 CPU, of which 0 of 8 are free", count=2, trials=(58, 59)),),
    "devices": (
        DeviceState(name="board", state="busy", since="2026-12-01T10:00:00+00:00"),
        DeviceState(name="phone", state="resting", since="2026-12-01T10:20:00+00:00", error="46 C, above 45 C"),
    ),
}
"""What a driver might say."""
