"""A driver of its own, to be killed: trivial stages, real Ray, real database, real tracker.

python -m tests.support.search_driver FOLDER TRIALS [SECONDS [DATABASE [HOME [MACHINE [ENGINE [LEASE [TRACKING
    [CONFIRM]]]]]]]]

Several with homes of their own share FOLDER's artifacts. Those on a MACHINE cannot see the processes of others. ENGINE
is `ray`, or `inline`: stages run in the driver's own process, where what is tried is the database. LEASE is in seconds.
CONFIRM is how many further seeds confirm the front; 0: none.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from mqn.cli.study.live_progress import LiveProgress
from mqn.errors import MqnError
from mqn.profile_tables.ray import RayProfile
from mqn.search.artifacts import ArtifactStore
from mqn.search.budget.limits import Limits
from mqn.search.engine.ray_engine import RayEngine
from mqn.search.retracking import Retracking
from mqn.search.space.ending import Confirm
from mqn.search.space.space_file import parse_space
from mqn.search.storage import drivers
from mqn.search.storage.lease import drive
from mqn.search.storage.store import connect
from mqn.search.study.about import About
from mqn.search.study.loop import Loop
from mqn.search.study.studies import create_study, list_studies, open_study
from mqn.search.work.scheduler import Scheduler
from mqn.track.tracker import Tracker
from tests.support.in_process_engine import InProcessEngine
from tests.support.search_fakes import FakePipeline, grid_definition

NAME = "tiny"
STAGES = ("train", "convert", "quantize", "score", "measure")


def main(
    folder: Path,
    trials: int,
    seconds: float,
    url: str,
    home: Path,
    *,
    inline: bool,
    lease_seconds: float,
    tracking: str,
    confirm: int,
) -> None:
    space = parse_space(grid_definition(), source="tiny.toml")
    about = About(space=space.definition, space_hash=space.hash, space_name=NAME)
    store = connect(url, patience_seconds=120)
    artifacts = ArtifactStore(folder / "artifacts")
    with (
        drive(store.database, NAME, store.patience, say, seconds=lease_seconds) as lease,
        Tracker(tracking, home / "spool", allowed=lease.confirm) as tracker,
        contextlib.closing(InProcessEngine() if inline else RayEngine(RayProfile(cpus=2, training_cpus=1))) as engine,
        LiveProgress(NAME, space, trials, []) as progress,
    ):
        with lease.alone("begin"):
            make = NAME not in list_studies(store)
            study = create_study(NAME, store, about, lease) if make else open_study(NAME, store, lease)
        store.patience.say = progress.say
        tracker.open_study(NAME, {}, {})
        loop = Loop(
            study=study,
            pipeline=FakePipeline(
                home / "log", dict.fromkeys(STAGES, seconds), alike=("arch.attention", "training.seed")
            ),
            scheduler=Scheduler(artifacts, engine, claims=lease.jobs, tell=progress.say),
            tracker=tracker,
            progress=progress,
            limits=Limits(trials=trials, parallel=6),
        )
        with Retracking(study, tracker, artifacts, loop.pipeline.logged, tags={}, others=lease.others):
            loop.run_and_confirm(Confirm(seeds=confirm) if confirm else None, progress.say)
        tracker.close_study(NAME, {})


def say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    given = dict(enumerate(sys.argv[1:]))
    if 5 in given:
        drivers.this_machine = lambda: given[5]  # type: ignore[assignment]
    shared = Path(given[0])
    home = Path(given.get(4, str(shared)))
    try:
        main(
            shared,
            int(given[1]),
            float(given.get(2, "0")),
            given.get(3, f"sqlite:///{shared / 'study.db'}"),
            home,
            inline=given.get(6) == "inline",
            lease_seconds=float(given.get(7, drivers.LEASE_SECONDS)),
            tracking=given.get(8, f"sqlite:///{home / 'mlflow.db'}" if (home / "mlflow.db").exists() else ""),
            confirm=int(given.get(9, "0")),
        )
    except MqnError as error:
        say(f"error: {error}")
        sys.exit(error.exit_code)
