"""A driver of its own, to be killed: trivial stages, real Ray, real database, real tracker.

python search_driver.py FOLDER TRIALS [SECONDS [DATABASE [HOME [MACHINE [ENGINE]]]]]

Several with homes of their own share FOLDER's artifacts and log. Those on a MACHINE cannot see the processes of others.
ENGINE is `ray`, or `inline`: stages run in the driver's own process, where what is tried is the database.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from search_fakes import FakePipeline, grid_definition

from mqn.errors import MqnError
from mqn.profile import RayProfile
from mqn.search import drivers
from mqn.search.about import About
from mqn.search.artifacts import ArtifactStore
from mqn.search.engine import InProcessEngine, RayEngine
from mqn.search.lease import drive
from mqn.search.loop import Limits, Loop
from mqn.search.progress import Progress
from mqn.search.scheduler import Scheduler
from mqn.search.space import parse_space
from mqn.search.store import connect
from mqn.search.study import create_study, list_studies, open_study
from mqn.track.tracker import Tracker

NAME = "tiny"


def main(folder: Path, trials: int, seconds: float, url: str, home: Path, *, inline: bool) -> None:
    space = parse_space(grid_definition(), source="tiny.toml")
    about = About(space=space.definition, space_hash=space.hash, space_name=NAME)
    pipeline = FakePipeline(
        folder / "log", dict.fromkeys(("train", "convert", "quantize", "score", "measure"), seconds)
    )
    store = connect(url, patience_seconds=120)
    tracking = f"sqlite:///{home / 'mlflow.db'}" if (home / "mlflow.db").exists() else ""
    with (
        drive(store.database, NAME, store.patience, say) as lease,
        Tracker(tracking, home / "spool") as tracker,
        contextlib.closing(InProcessEngine() if inline else RayEngine(RayProfile(cpus=2, training_cpus=1))) as engine,
        Progress(NAME, space, trials, []) as progress,
    ):
        make = NAME not in list_studies(store)
        study = create_study(NAME, store, about, lease) if make else open_study(NAME, store, lease)
        store.patience.say = progress.say
        tracker.open_study(NAME, {}, {})
        Loop(
            study=study,
            pipeline=pipeline,
            scheduler=Scheduler(ArtifactStore(folder / "artifacts"), engine),
            tracker=tracker,
            progress=progress,
            limits=Limits(trials=trials, parallel=6),
        ).run()
        tracker.close_study(NAME, {})


def say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    given = dict(enumerate(sys.argv[1:]))
    if 5 in given:
        drivers.this_machine = lambda: given[5]  # type: ignore[assignment]
    shared = Path(given[0])
    try:
        main(
            shared,
            int(given[1]),
            float(given.get(2, "0")),
            given.get(3, f"sqlite:///{shared / 'study.db'}"),
            Path(given.get(4, str(shared))),
            inline=given.get(6) == "inline",
        )
    except MqnError as error:
        say(f"error: {error}")
        sys.exit(error.exit_code)
