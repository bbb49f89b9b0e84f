"""A driver of trivial stages on real Ray, database, tracker and disk, for the lab that breaks those under it.

python -m tests.lab.fake_study FOLDER DATABASE TRACKING SECONDS

FOLDER holds everything of the study but its database, and the log of stages, which lies beside it as FOLDER.log.
tests/search has to be on PYTHONPATH, for Ray's workers too.
"""

from __future__ import annotations

import sys
from pathlib import Path

from search_fakes import FakePipeline, grid_definition

from mqn.cli import output
from mqn.errors import MqnError
from mqn.profile import RayProfile
from mqn.search.about import About
from mqn.search.artifacts import ArtifactStore
from mqn.search.engine import RayEngine
from mqn.search.lease import drive
from mqn.search.loop import Limits, Loop
from mqn.search.progress import Progress
from mqn.search.scheduler import Scheduler
from mqn.search.space import parse_space
from mqn.search.store import connect
from mqn.search.study import create_study, list_studies, open_study
from mqn.track.tracker import Tracker
from tests.lab.watched import FAKE, TRIALS

STAGES = ("train", "convert", "quantize", "score", "measure")


def main(folder: Path, database: str, tracking: str, seconds: float) -> None:
    """Run the study to its end, or go on with it."""
    definition = {**grid_definition(), "name": FAKE}
    space = parse_space(definition, source="faults.toml")
    about = About(space=space.definition, space_hash=space.hash, space_name=FAKE)
    store = connect(database, patience_seconds=300)
    with (
        drive(store.database, FAKE, store.patience, output.note) as lease,
        Tracker(tracking, folder / "spool") as tracker,
        RayEngine(RayProfile(cpus=2, training_cpus=1)) as engine,
        Progress(FAKE, space, TRIALS, []) as progress,
    ):
        make = FAKE not in list_studies(store)
        study = create_study(FAKE, store, about, lease) if make else open_study(FAKE, store, lease)
        store.patience.say = progress.say
        tracker.open_study(FAKE, {}, {})
        Loop(
            study=study,
            pipeline=FakePipeline(folder.with_suffix(".log"), dict.fromkeys(STAGES, seconds)),
            scheduler=Scheduler(ArtifactStore(folder / "artifacts"), engine, tell=progress.say),
            tracker=tracker,
            progress=progress,
            limits=Limits(trials=TRIALS, parallel=6),
        ).run()
        tracker.close_study(FAKE, {})


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], float(sys.argv[4]))
    except MqnError as error:
        output.error(str(error))
        sys.exit(error.exit_code)
