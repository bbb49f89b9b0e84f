"""What a trial costs its driver in a study of 10,000 trials, against one of 100.

The work of the trials is nothing, artifacts are in memory, and nothing is tracked: what is left is the study's
database, the sampler, the loop and the scheduler. The driver's processor time is measured: it depends on no disk.
The ratio is the largest of those of `random` and `tpe`, with and without expansion.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from mqn.cli.study.live_progress import LiveProgress
from mqn.parsing import to_plain
from mqn.records import TrialRecord
from mqn.search.budget.limits import Limits
from mqn.search.space.space_file import parse_space
from mqn.search.study.about import About
from mqn.search.study.loop import Loop
from mqn.search.study.studies import create_study, open_study
from mqn.search.study.study import ABOUT
from mqn.search.work.scheduler import Scheduler
from mqn.track.tracker import Tracker
from tests.support.many_trials import MemoryStore, NoWork, definition, fill
from tests.support.search_fakes import FakePipeline

FEW, MANY, WARM, TRIALS, LIMIT = 100, 10_000, 8, 32, 3.0
EXPANSION = {"dimensions": ["plan.backbone", "plan.head"]}


def run() -> dict[str, Any]:
    """Each kind of study with few and with many trials; the cost of the next ones."""
    detail: dict[str, Any] = {"trials": TRIALS}
    ratios = []
    with tempfile.TemporaryDirectory() as folder:
        filled = {count: _fill(Path(folder) / f"{count}.db", count) for count in (FEW, MANY)}
        for sampler in ("random", "tpe"):
            for expansion in (False, True):
                few, many = (_cost(filled[count], sampler, expansion, count) for count in (FEW, MANY))
                name = f"{sampler}{' expanded' if expansion else ''}"
                detail |= {f"{name} {FEW} ms": 1e3 * few, f"{name} {MANY} ms": 1e3 * many}
                ratios.append(many / few)
    return {"name": f"a trial at {MANY} against one at {FEW}", "ratio": max(ratios), "limit": LIMIT, "detail": detail}


class _Clock(LiveProgress):
    """Notes the processor time at the end of each trial."""

    def finish(self, record: TrialRecord) -> None:
        super().finish(record)
        self.times = [*getattr(self, "times", []), time.process_time()]


def _about(**changes: Any) -> About:
    space = parse_space(definition(**changes), source="many")
    return About(space=space.definition, space_hash=space.hash, space_name="many")


def _fill(file: Path, count: int) -> Path:
    study = create_study("many", f"sqlite:///{file}", _about())
    fill(study, count)
    study.store.database.engine.dispose()
    return file


def _cost(filled: Path, sampler: str, expansion: bool, count: int) -> float:
    """The driver's processor time a trial, in seconds, in a copy of a study that is made one of that kind."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{shutil.copy(filled, folder)}"
        about = _about(sampler=sampler, **({"expansion": EXPANSION} if expansion else {}))
        open_study("many", url).optuna.set_user_attr(ABOUT, to_plain(about))
        study = open_study("many", url)
        progress = _Clock("many", study.space, count + TRIALS, [])
        networks = tuple(key for key in study.space.keys if not key.startswith("plan."))
        Loop(
            study=study,
            pipeline=FakePipeline(Path(folder) / "log", alike=networks),
            scheduler=Scheduler(MemoryStore(), NoWork()),
            tracker=Tracker("", Path(folder) / "spool"),
            progress=progress,
            limits=Limits(trials=count + WARM + TRIALS, parallel=4),
        ).run()
        return (progress.times[-1] - progress.times[WARM - 1]) / TRIALS


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
