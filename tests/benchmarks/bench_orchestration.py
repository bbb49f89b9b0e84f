"""What a trial costs besides its work: our driver against Ray Tune with OptunaSearch and its MLflow callback.

Both run the same number of trials, whose work is nothing, on the same Ray with the same processors, and log them to an
MLflow database on SQLite. Each has run four trials before, which are not counted: what it imports at its first trial is
behind it. Ours runs five stages a trial as tasks of their own, keeps every artifact with its manifest, and its study in
SQLite; Tune runs one function a trial and keeps its study in memory. Starting Ray, importing MLflow and making its
tables is not counted on either side; the last run's arrival in MLflow is. Ours runs once more with random points: what
the driver's processor has to do then is no sampler's. A process of the driver's sends to MLflow; its processor time
stands beside the driver's own, and the limit is on both together.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from tests.conftest import REPOSITORY

TRIALS, WARM_UP, CPUS, LIMIT = 120, 4, 2, 0.05
DIMENSIONS = {"arch.width": (0.1, 1.0), "arch.decoder_width": (0.5, 2.0)}


def run() -> dict[str, Any]:
    """Both sides in one run; the ratio is ours over theirs, seconds a trial."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MQN_HOME"] = folder
        os.environ["PYTHONPATH"] = str(REPOSITORY)  # for Ray's workers
        empty = _make_tables(Path(folder))
        _ours(Path(folder) / "our warm-up", empty, "tpe", WARM_UP)
        _theirs(Path(folder) / "their warm-up", empty, WARM_UP)
        ours, cpu = _ours(Path(folder) / "ours", empty, "tpe")
        random, random_cpu = _ours(Path(folder) / "random", empty, "random")
        theirs = _theirs(Path(folder) / "theirs", empty)
    detail = {"trials": TRIALS, "cpus": CPUS, "ours_s_per_trial": ours, "ray_tune_s_per_trial": theirs}
    detail |= {f"driver_cpu_ms_per_trial ({name})": 1e3 * seconds for name, seconds in cpu.items()}
    detail |= {f"random_driver_cpu_ms_per_trial ({name})": 1e3 * seconds for name, seconds in random_cpu.items()}
    detail |= {"random_s_per_trial": random, "random_driver_cpu_limit_ms (all)": 40.0}
    return {"name": "orchestration of a trial", "ratio": ours / theirs, "limit": LIMIT, "detail": detail}


def _make_tables(folder: Path) -> Path:
    """As MLflow itself makes them; its import is then behind both sides."""
    from mqn.track.connection import load_mlflow

    load_mlflow()
    from mlflow.tracking import MlflowClient

    MlflowClient(tracking_uri=f"sqlite:///{folder / 'empty.db'}").search_experiments(max_results=1)
    return folder / "empty.db"


def _ours(folder: Path, empty: Path, sampler: str, trials: int = TRIALS) -> tuple[float, dict[str, float]]:
    """Wall time and processor time by process, seconds a trial."""
    from mqn.cli.study.live_progress import LiveProgress
    from mqn.profile_tables.ray import RayProfile
    from mqn.search.artifacts import ArtifactStore
    from mqn.search.budget.limits import Limits
    from mqn.search.engine.ray_engine import RayEngine
    from mqn.search.space.space_file import parse_space
    from mqn.search.study.about import About
    from mqn.search.study.loop import Loop
    from mqn.search.study.studies import create_study
    from mqn.search.study.trials import count_states
    from mqn.search.work.scheduler import Scheduler
    from mqn.track.tracker import Tracker
    from tests.support.search_fakes import FakePipeline

    folder.mkdir()
    shutil.copy(empty, folder / "mlflow.db")
    space = parse_space(
        {
            "name": "bench",
            "sampler": sampler,
            "objectives": [{"metric": "psnr_tm"}, {"metric": "latency_ms"}],
            "dimensions": {key: {"low": low, "high": high} for key, (low, high) in DIMENSIONS.items()},
        },
        source="bench",
    )
    pipeline = FakePipeline(folder / "log", alike=("arch.width", "arch.decoder_width"))
    with (
        Tracker(f"sqlite:///{folder / 'mlflow.db'}", folder / "spool") as tracker,
        RayEngine(RayProfile(cpus=CPUS, training_cpus=1)) as engine,
    ):
        about = About(space=space.definition, space_hash=space.hash, space_name="bench")
        tracker._delivery._process._ask("prepare")  # Returns when MLflow is imported there, as it is on the other side.
        began, before = time.perf_counter(), _processor_seconds()
        study = create_study("bench", f"sqlite:///{folder / 'study.db'}", about)
        tracker.open_study("bench", {}, {})
        Loop(
            study=study,
            pipeline=pipeline,
            scheduler=Scheduler(ArtifactStore(folder / "artifacts"), engine, quiesce=tracker.quiesce),
            tracker=tracker,
            progress=LiveProgress("bench", space, trials, []),
            limits=Limits(trials=trials, parallel=2 * CPUS),
        ).run()
        backlog = tracker.close_study("bench", {})
        seconds, after = time.perf_counter() - began, _processor_seconds()
    assert backlog.left == 0
    assert count_states(study)["complete"] == trials
    return seconds / trials, {name: (value - before[name]) / trials for name, value in after.items()}


def _processor_seconds() -> dict[str, float]:
    """Of this process and of the one that sends, so far."""
    found = {"driver": sum(psutil.Process().cpu_times()[:2])}
    (sender,) = [child for child in psutil.Process().children() if "track.sending.process" in " ".join(child.cmdline())]
    found["sender"] = sum(sender.cpu_times()[:2])
    return {**found, "all": sum(found.values())}


def _nothing(config: dict[str, float]) -> dict[str, float]:
    return {"psnr_tm": config["arch.width"], "latency_ms": config["arch.decoder_width"]}


def _theirs(folder: Path, empty: Path, trials: int = TRIALS) -> float:
    import ray
    from ray import tune
    from ray.air.integrations.mlflow import MLflowLoggerCallback
    from ray.tune.search import ConcurrencyLimiter
    from ray.tune.search.optuna import OptunaSearch

    folder.mkdir()
    shutil.copy(empty, folder / "mlflow.db")
    logging.getLogger("ray").setLevel(logging.ERROR)
    ray.init("local", num_cpus=CPUS, include_dashboard=False, log_to_driver=False, logging_level="error")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    try:
        began = time.perf_counter()
        results = tune.Tuner(
            tune.with_resources(_nothing, {"cpu": 1}),
            param_space={key: tune.uniform(low, high) for key, (low, high) in DIMENSIONS.items()},
            tune_config=tune.TuneConfig(
                search_alg=ConcurrencyLimiter(
                    OptunaSearch(metric=["psnr_tm", "latency_ms"], mode=["max", "min"]), max_concurrent=2 * CPUS
                ),
                num_samples=trials,
            ),
            run_config=tune.RunConfig(
                storage_path=str(folder),
                verbose=0,
                callbacks=[MLflowLoggerCallback(tracking_uri=uri, experiment_name="tune", save_artifact=False)],
            ),
        ).fit()
        seconds = time.perf_counter() - began
    finally:
        ray.shutdown()
    assert len(results) == trials
    assert not results.errors
    return seconds / trials


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
