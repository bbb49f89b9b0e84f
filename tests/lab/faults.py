"""Does a study survive what happens to processes, machines, disks and servers under it?

python -m tests.lab.faults [--seed 0] [--minutes 10] [--only fake|smoke]

A study of trivial stages on real Ray, a database and a tracking server of the lab's own, and a real `mqn search smoke`.
While they run, in an order that the seed gives: the export process is killed, workers (three times), Ray's node, the
database goes for 20 s, the tracking server for 60 s (its experiment is then deleted and restored), and a disk fills up.
Prints what was done when and how the studies ended. Exits with 1 unless no trial failed, none is lost, none was done
twice, and no output has a `Traceback`. PostgreSQL is used where it is installed, a small disk of its own where this is
root; what is left out is said.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from mqn.records import TrialRecord
from mqn.search.census import records
from mqn.search.store import connect
from mqn.search.study import open_study
from tests.lab.servers import Mlflow, Postgres, Sqlite, open_database
from tests.lab.watched import FAKE, TRIALS, Watched, kill_export, kill_node, kill_worker

STAGE_SECONDS = 4.0
DATABASE_SECONDS, TRACKER_SECONDS, DELETED_SECONDS, DISK_SECONDS = 20.0, 60.0, 5.0, 15.0
DISK_MB = {"fake": 64, "smoke": 512}
GAP_SECONDS = 5.0


def stop_database(study: Watched, database: Postgres | Sqlite) -> None:
    """The database goes, and comes back."""
    database.stop()
    study.note(f"stopped the database ({database.kind})")
    time.sleep(DATABASE_SECONDS)
    database.start()
    study.note("started the database")


def stop_tracker(study: Watched, server: Mlflow) -> None:
    """The tracking server goes and comes back; then its experiment is deleted and restored."""
    server.stop()
    study.note("stopped the tracking server")
    time.sleep(TRACKER_SECONDS)
    server.start()
    study.note("started the tracking server")
    from mlflow.tracking import MlflowClient

    client = MlflowClient(server.url)
    experiment = client.get_experiment_by_name(FAKE)
    if experiment is not None:
        client.delete_experiment(experiment.experiment_id)
        time.sleep(DELETED_SECONDS)
        client.restore_experiment(experiment.experiment_id)
        study.note("deleted the experiment, and restored it")


def fill_disk(study: Watched, disk: Path) -> None:
    """A disk is full for a while."""
    filler = disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as stream:
        while True:
            stream.write(bytes(1 << 16))
    study.note("filled the disk")
    time.sleep(DISK_SECONDS)
    filler.unlink()
    study.note("made room")


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[bool]:
    """A file system of its own at a folder; yields whether it could be made: root may."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=700", "tmpfs", str(folder)]
    mounted = os.geteuid() == 0 and subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=False)


def run_fake(folder: Path, order: random.Random, deadline: float) -> tuple[Watched, list[str]]:
    """The study of trivial stages; returns it and what is wrong."""
    home = folder / "fake"
    database, server = open_database(folder), Mlflow(folder / "mlflow")
    with small_disk(home, DISK_MB["fake"]) as mounted:
        command = [sys.executable, "-m", "tests.lab.fake_study", str(home), database.url, server.url]
        fakes = Path(__file__).parents[1] / "search"
        environment = {**os.environ, "MQN_HOME": str(home), "PYTHONPATH": str(fakes)}
        study = Watched(
            "fake", lambda _: [*command, str(STAGE_SECONDS)], environment, folder / "fake.out", deadline=deadline
        )
        tracker = threading.Thread(target=stop_tracker, args=(study, server))
        faults: list[Callable[[], object]] = [
            *(lambda: kill_worker(study) for _ in range(3)),
            lambda: kill_node(study),
            lambda: stop_database(study, database),
            tracker.start,
        ]
        if mounted:
            faults.append(lambda: fill_disk(study, home))
        else:
            study.note("no small disk: root may mount one; nothing is filled")
        order.shuffle(faults)
        study.start()
        try:
            for fault in faults:
                study.await_target(lambda: study.descendants("ray::perform"))
                fault()
                time.sleep(GAP_SECONDS)
            tracker.join()
            study.finish()
            study.start()  # What the tracking server refused is sent by the next driver.
            study.finish()
            found = records(open_study(FAKE, connect(database.url)))
            wrong = judge(found, study.output, tracked(server.url, FAKE))
            ended = Counter(
                line.removeprefix("end ")
                for line in home.with_suffix(".log").read_text().splitlines()
                if line.startswith("end ")
            )
            wrong += [f"{job} was done {count} times" for job, count in ended.items() if count > 1]
        finally:
            if study.runs and study.process is not None:
                study.process.kill()
            server.close()
            database.close()
    return study, wrong


def run_smoke(folder: Path, order: random.Random, deadline: float) -> tuple[Watched, list[str]]:
    """A real `mqn search smoke`; returns it and what is wrong. Contended measurements count: here the faults do."""
    home = folder / "smoke"
    with small_disk(home, DISK_MB["smoke"]) as mounted:
        command = [sys.executable, "-m", "mqn", "search", "smoke", "--profile", "laptop"]
        study = Watched(
            "smoke",
            lambda starts: [*command, "--resume"] if starts and (home / "study.db").exists() else command,
            {**os.environ, "MQN_HOME": str(home)},
            folder / "smoke.out",
            deadline=deadline,
        )
        faults: list[Callable[[], object]] = [
            *(lambda: kill_worker(study) for _ in range(3)),
            lambda: kill_export(study),
            lambda: kill_node(study),
        ]
        if mounted:
            faults.append(lambda: fill_disk(study, home))
        order.shuffle(faults)
        study.start()
        try:
            for fault in faults:
                study.await_target(lambda: study.descendants("ray::perform"))
                fault()
                time.sleep(GAP_SECONDS)
            study.finish()
            found = records(open_study("smoke", connect(f"sqlite:///{home / 'study.db'}")))
            wrong = judge(found, study.output, tracked(f"sqlite:///{home / 'mlflow.db'}", "smoke"))
        finally:
            if study.runs and study.process is not None:
                study.process.kill()
    return study, wrong


def tracked(uri: str, study: str) -> list[int]:
    """The trial of every run that a tracking server has of a study."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name(study)
    if experiment is None:
        return []
    runs = client.search_runs([experiment.experiment_id], max_results=1000)
    return sorted(int(run.data.tags["mqn.trial"]) for run in runs if "mqn.trial" in run.data.tags)


def judge(found: list[TrialRecord], output: Path, runs: list[int]) -> list[str]:
    """What is wrong with a study that has ended."""
    states = Counter(record.state for record in found)
    wrong = [f"{states['failed']} trials failed"] if states["failed"] else []
    if states["complete"] != TRIALS:
        wrong.append(f"{TRIALS - states['complete']} trials are lost or wait: {dict(states)}")
    twice = len(found) - len({record.candidate for record in found})
    if twice:
        wrong.append(f"{twice} trials were done twice")
    if runs != sorted(record.number for record in found):
        wrong.append(f"tracked are {runs}")
    if "Traceback" in output.read_text(errors="replace"):
        wrong.append(f"a traceback in {output}")
    return wrong


def main() -> int:
    """Run both studies; 1 if something is wrong with one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0, help="of the order of faults (default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=10.0, help="at most so long (default: %(default)s)")
    parser.add_argument("--only", choices=("fake", "smoke"), help="one of the two studies")
    given = parser.parse_args()
    deadline, order = time.monotonic() + 60 * given.minutes, random.Random(given.seed)
    folder = Path(tempfile.mkdtemp(prefix="faults-", dir="/tmp"))
    folder.chmod(0o755)
    failures = 0
    for name, run in (("fake", run_fake), ("smoke", run_smoke)):
        if given.only not in (None, name):
            continue
        study, wrong = run(folder, order, deadline)
        seconds = time.monotonic() - study.began
        print(f"{name}: {'; '.join(wrong) or 'all complete, none failed, none lost, none twice'}  ({seconds:.0f} s)")
        failures += bool(wrong)
    if failures:
        print(f"outputs lie in {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
