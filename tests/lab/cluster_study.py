"""A study of 40 trials on photographs, on a cluster whose nodes go and come, with artifacts on S3. Needs root.

    python -m tests.lab.cluster_study --photos FOLDER [--submit] [--work FOLDER]

A head without processors, two further nodes with temporary folders of their own, one of them with mounts and a network
of its own, which reaches storage only through S3; PostgreSQL and an MLflow server. In the middle of the study a node is
killed, and another one is added. With `--submit` the driver is a job of the cluster (`mqn search --submit`), and
no environment of the cluster's workers has `mqn` installed.

Prints what was done when, and what is wrong: a trial that is not complete, a stage that was done twice, a run that
MLflow lacks or has otherwise, an added node that was used later than 10 s after it came, a traceback in an output.
Exits with 1 where anything is.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mqn.records import TrialRecord
from tests.support.rigs.bare_environment import make_bare_environment
from tests.support.rigs.mlflow import Mlflow
from tests.support.rigs.namespace import Namespace
from tests.support.rigs.postgres import Postgres
from tests.support.rigs.ray_cluster import RayCluster
from tests.support.rigs.s3 import S3

STUDY, TRIALS, USED_WITHIN_SECONDS = "scale", 40, 10.0
HOST, GUEST = "10.77.20.1", "10.77.20.2"
BEFORE_CHANGE = 6
"""So many trials are complete before a node goes and another comes."""

SPACE = """
name = "scale"
sampler = "grid"
[[objectives]]
metric = "psnr_tm"
[[objectives]]
metric = "latency_ms"
[fixed]
"arch.encoder_weights" = "random"
"arch.input_size" = 64
"training.lambda_features" = 0.0
"training.epochs" = 6
"plan.calibration_pictures" = 8
[dimensions."arch.attention"]
choices = ["none", "sa", "csa", "ca"]
[dimensions."training.learning_rate"]
choices = [1e-3, 5e-4]
"""
PLANS = [
    ("static_wi8_ai8", "dynamic_wi8_afp32"),
    ("static_wi8_ai8", "float32"),
    ("float32", "float32"),
    ("dynamic_wi8_afp32", "dynamic_wi8_afp32"),
    ("static_wi8_ai8", "static_wi8_ai8"),
]
PROFILE = """
[ray]
address = "{address}"
training_cpus = 1
[storage]
study = "{database}"
artifacts = "{artifacts}"
[tracking]
uri = "{tracking}"
[measure]
accept = ["ok", "contended", "unsteady"]
attempts = 2
processes = 2
runs = 20
seconds = 0.2
"""


@dataclass
class Watch:
    """What was done when, and what is wrong."""

    began: float = field(default_factory=time.time)
    wrong: list[str] = field(default_factory=list)

    def note(self, what: str) -> float:
        """Print what was done; returns when, in seconds since 1970."""
        now = time.time()
        print(f"{now - self.began:7.1f} s  {what}", flush=True)
        return now


@dataclass
class Rig:
    """Everything that runs under the study."""

    cluster: RayCluster
    s3: S3
    database: Postgres
    mlflow: Mlflow
    away: Namespace
    folder: Path
    python: str

    def environment(self) -> dict[str, str]:
        """Of the study's own process, and of commands that look at it."""
        home = self.folder / "home"
        return {**os.environ, **self.s3.environment, **self.cluster.environment, "MQN_HOME": str(home)}

    def add_near(self) -> None:
        """A node with this machine's network."""
        self.cluster.add_node(cpus=1, python=self.python)


@contextlib.contextmanager
def make_rig(folder: Path, *, bare: bool) -> Iterator[Rig]:
    """Start all of it."""
    # Beside the folder, which one node does not see.
    python = str(make_bare_environment(folder.with_name(f"{folder.name}-bare"))) if bare else sys.executable
    with (
        Namespace("mqnscale", host=HOST, guest=GUEST) as away,
        S3(HOST) as s3,
        Postgres(HOST) as database,
        Mlflow(HOST) as mlflow,
        RayCluster(host=HOST, dashboard=bare, python=python, environment=s3.environment) as cluster,
    ):
        rig = Rig(cluster, s3, database, mlflow, away, folder, python)
        rig.add_near()
        cluster.add_node(cpus=1, namespace=away, hidden=[folder], python=python)
        yield rig


def search_command(rig: Rig, photos: str) -> list[str]:
    """Start the study, where it runs in a process of this machine; or as a job of the cluster."""
    space, profile = rig.folder / "scale.toml", rig.folder / "cluster.toml"
    points = "".join(f'[[points]]\n"plan.backbone" = "{left}"\n"plan.head" = "{right}"\n' for left, right in PLANS)
    space.write_text(SPACE + points)
    profile.write_text(
        PROFILE.format(
            address="auto" if rig.cluster.dashboard else rig.cluster.address,
            database=rig.database.url,
            artifacts=f"{rig.s3.url}/artifacts",
            tracking=rig.mlflow.url,
        )
    )
    words = ["search", str(space), "--study", STUDY, "--profile", str(profile), "--data", photos]
    job = ["--submit", rig.cluster.dashboard] if rig.cluster.dashboard else []
    return [sys.executable, "-m", "mqn", *words, *job]


def count_complete(rig: Rig) -> int:
    """How many trials are complete."""
    command = [sys.executable, "-m", "mqn", "status", STUDY, "--profile", str(rig.folder / "cluster.toml"), "--json"]
    done = subprocess.run(command, env=rig.environment(), capture_output=True, text=True, check=False)
    return int(json.loads(done.stdout)["trials"]["complete"]) if done.returncode == 0 else 0


def run(rig: Rig, photos: str, watch: Watch) -> tuple[float, str]:
    """Run the study; kill a node and add one on the way. Returns when that one came, and what the study printed."""
    output = rig.folder / "study.out"
    with output.open("wb") as stream:
        study = subprocess.Popen(
            search_command(rig, photos), env=rig.environment(), stdout=stream, stderr=stream, cwd=rig.folder
        )
    watch.note("started the study")
    while study.poll() is None and count_complete(rig) < BEFORE_CHANGE:
        time.sleep(5)
    if study.poll() is not None:
        watch.wrong.append("the study ended before anything was done to it")
        return time.time(), output.read_text(errors="replace")
    near = rig.cluster.nodes[0]
    rig.cluster.kill_node(near)
    watch.note(f"killed {near.name} with all its processes")
    rig.add_near()
    added = watch.note(f"added {rig.cluster.nodes[-1].name}")
    code = study.wait()
    watch.note(f"the study ended with code {code}")
    if code != 0:
        watch.wrong.append(f"the study ended with code {code}")
    return added, output.read_text(errors="replace")


def judge(rig: Rig, added: float, said: str, watch: Watch) -> None:
    """Say what is wrong."""
    from mqn.search.study.studies import open_study
    from mqn.search.study.trials import records

    found = records(open_study(STUDY, rig.database.url))
    states = Counter(record.state for record in found)
    if states != {"complete": TRIALS}:
        watch.wrong.append(f"trials: {dict(states)}")
    watch.wrong += _done_twice(found)
    watch.wrong += _tracked_otherwise(found, rig.mlflow.url)
    if "Traceback" in said:
        watch.wrong.append("a traceback in the study's output")
    waited = _first_use(found, added)
    watch.note(f"the added node was first used {waited:.1f} s after it came")
    if waited > USED_WITHIN_SECONDS:
        watch.wrong.append(f"the added node was first used {waited:.1f} s after it came")


def _first_use(found: list[TrialRecord], added: float) -> float:
    """Seconds from when a node came until something ran on a node that was not used before."""
    spans = [span for record in found for span in record.spans.values()]
    before = {span.node for span in spans if span.begin < added}
    return min((span.begin for span in spans if span.node not in before), default=math.inf) - added


def _done_twice(found: list[TrialRecord]) -> list[str]:
    """Artifacts that two trials say they made."""
    made: Counter[tuple[str, str]] = Counter(
        (step.partition("/")[0], record.artifacts[step])
        for record in found
        for step, seconds in record.seconds.items()
        if seconds > 0 and step in record.artifacts
    )
    return [f"{stage} {key[:12]} was made {count} times" for (stage, key), count in made.items() if count > 1]


def _tracked_otherwise(found: list[TrialRecord], url: str) -> list[str]:
    """Trials of which MLflow has no run, several, or one that says something else."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(url)
    experiment = client.get_experiment_by_name(STUDY)
    runs: list[Any] = list(client.search_runs([experiment.experiment_id], max_results=1000))
    by_trial: Mapping[int, list[Any]] = {
        record.number: [run for run in runs if run.data.tags.get("mqn.trial") == str(record.number)] for record in found
    }
    wrong = []
    for record in found:
        own = by_trial[record.number]
        if len(own) != 1 or own[0].info.status != "FINISHED":
            wrong.append(f"trial {record.number} has {len(own)} runs: {[run.info.status for run in own]}")
        elif abs(own[0].data.metrics["psnr_tm"] - record.figures["psnr_tm"]) > 1e-9:
            wrong.append(f"trial {record.number} has psnr_tm {own[0].data.metrics['psnr_tm']} in MLflow")
    return wrong


def main() -> int:
    """Run it; 1 where something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True, help="folder of HDR pictures")
    parser.add_argument("--submit", action="store_true", help="the driver is a job of the cluster")
    parser.add_argument("--work", type=Path, help="folder for state and results (default: a temporary one)")
    given = parser.parse_args()
    folder = given.work or Path(tempfile.mkdtemp(prefix="mqn-scale-"))
    folder.mkdir(parents=True, exist_ok=True)
    watch = Watch()
    with make_rig(folder, bare=given.submit) as rig:
        watch.note("the cluster runs")
        photos = f"{rig.s3.url}/photos"
        command = [
            sys.executable,
            "-m",
            "mqn",
            "data",
            "prepare",
            str(given.photos),
            "--output",
            photos,
            "--side",
            "128",
        ]
        subprocess.run(command, env=rig.environment(), check=True)
        watch.note("the photographs are on S3")
        added, said = run(rig, photos, watch)
        if not watch.wrong:
            judge(rig, added, said, watch)
    print("\n".join(f"WRONG: {line}" for line in watch.wrong) or "all is as it should be", f"({folder})")
    return 1 if watch.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
