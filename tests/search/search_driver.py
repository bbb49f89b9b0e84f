"""A driver of its own, to be killed: trivial stages, real Ray, real database, real tracker.

python search_driver.py FOLDER TRIALS [SECONDS]
"""

from __future__ import annotations

import sys
from pathlib import Path

from search_fakes import FakePipeline, grid_definition

from mqn.profile import RayProfile
from mqn.search.artifacts import ArtifactStore
from mqn.search.engine import RayEngine
from mqn.search.loop import Limits, Loop
from mqn.search.progress import Progress
from mqn.search.scheduler import Scheduler
from mqn.search.space import parse_space
from mqn.search.study import About, create_study, list_studies, open_study
from mqn.track.tracker import Tracker

NAME = "tiny"


def main(folder: Path, trials: int, seconds: float) -> None:
    url = f"sqlite:///{folder / 'study.db'}"
    space = parse_space(grid_definition(), source="tiny.toml")
    about = About(space=space.definition, space_hash=space.hash, space_name=NAME)
    study = open_study(NAME, url) if NAME in list_studies(url) else create_study(NAME, url, about)
    pipeline = FakePipeline(
        folder / "log", dict.fromkeys(("train", "convert", "quantize", "score", "measure"), seconds)
    )
    with (
        Tracker(f"sqlite:///{folder / 'mlflow.db'}", folder / "spool") as tracker,
        RayEngine(RayProfile(cpus=2, training_cpus=1)) as engine,
        Progress(NAME, space, trials, []) as progress,
    ):
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


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]) if len(sys.argv) > 3 else 0.0)
