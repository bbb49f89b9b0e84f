"""What is wrong with a study that has ended: lost, repeated, wrong, or told with a traceback."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mqn.records import TrialRecord
from mqn.search.storage.store import connect
from mqn.search.study.studies import open_study
from mqn.search.study.trials import records
from tests.lab.faults.driver_process import Study
from tests.lab.faults.field import Field
from tests.lab.faults.stages import value_of
from tests.lab.faults.watching import Watcher, read_file

TRACES = ("Traceback", "*** StackTrace")
"""Of Python and of C++."""

_LATE_SECONDS = 3.0  # between an artifact's appearance and the next look at it


def judge(field: Field, study: Study, watcher: Watcher, outputs: Sequence[Path]) -> list[str]:
    """Every line says one thing that is wrong; none: all is right."""
    found = records(open_study(study.name, connect(field.database.url)))
    wrong = judge_trials(found, study.trials)
    wrong += judge_figures(found, watcher)
    wrong += judge_runs(found, list_runs(field.tracker.url, study.name))
    wrong += judge_work(read_log(study.log), watcher)
    wrong += judge_files(field, watcher, found)
    wrong += watcher.changes
    for output in outputs:
        said = output.read_text(errors="replace")
        wrong += [f"a traceback in {output}" for words in TRACES if words in said]
    return wrong


def read_log(path: Path) -> list[dict[str, Any]]:
    """The lines of the stages, in the order of writing."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def count_repeats(lines: Iterable[dict[str, Any]]) -> int:
    """How often a stage was done once more from its beginning to its end, because what it made was not published."""
    ended = Counter((line["stage"], line["name"]) for line in lines if line["what"] == "end")
    return ended.total() - len(ended)


def list_runs(uri: str, study: str) -> list[tuple[int, str, dict[str, float]]]:
    """Trial, status and metrics of every run that the tracking server has of a study's trials."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name(study)
    if experiment is None:
        return []
    runs = client.search_runs([experiment.experiment_id], max_results=5000)
    of_trials = [run for run in runs if "mqn.trial" in run.data.tags]
    return sorted((int(run.data.tags["mqn.trial"]), run.info.status, dict(run.data.metrics)) for run in of_trials)


def judge_trials(found: list[TrialRecord], wanted: int) -> list[str]:
    """Lost or repeated."""
    states = Counter(record.state for record in found)
    wrong = []
    if states != {"complete": wanted}:
        wrong.append(f"trials are {dict(states)} instead of {wanted} complete")
    wrong += [f"trial {record.number} failed: {record.error}" for record in found if record.state == "failed"]
    twice = [candidate for candidate, count in Counter(record.candidate for record in found).items() if count > 1]
    if twice:
        wrong.append(f"{len(twice)} candidates have several trials")
    return wrong


def judge_figures(found: list[TrialRecord], watcher: Watcher) -> list[str]:
    """What a trial says is what its candidate gives, and what its own measurement says."""
    wrong = []
    for record in found:
        if record.state != "complete":
            continue
        if record.figures.get("psnr_tm") != value_of(record.candidate):
            wrong.append(f"trial {record.number} has {record.figures}, not psnr_tm = {value_of(record.candidate)}")
        for target, figures in record.device_figures.items():
            told = watcher.manifest(f"measure/{record.artifacts[f'measure/{target}']}")["details"]["figures"]
            if figures.get("latency_ms") != told["latency_ms"]:
                wrong.append(f"trial {record.number} has {figures} on {target}, its measurement {told['latency_ms']}")
        if not record.device_figures.get("kind:lab"):
            wrong.append(f"trial {record.number} was not measured")
    return wrong


def judge_runs(found: list[TrialRecord], runs: list[tuple[int, str, dict[str, float]]]) -> list[str]:
    """The tracking server has every trial once, with its figures."""
    count = Counter(number for number, _, _ in runs)
    wrong = [f"MLflow has {count[r.number]} runs of trial {r.number}" for r in found if count[r.number] != 1]
    strange = sorted(count.keys() - {record.number for record in found})
    if strange:
        wrong.append(f"MLflow has runs of trials {strange}, which are not there")
    by_number = {number: (status, metrics) for number, status, metrics in runs}
    for record in found:
        status, metrics = by_number.get(record.number, ("", {}))
        told = metrics.get("psnr_tm", math.nan)
        if status and (status != "FINISHED" or not math.isclose(told, value_of(record.candidate), rel_tol=1e-6)):
            wrong.append(f"MLflow says of trial {record.number}: {status}, psnr_tm = {told}")
    return wrong


def judge_work(lines: list[dict[str, Any]], watcher: Watcher) -> list[str]:
    """Nothing was begun that was there already, and every artifact is of an attempt that came to its end."""
    wrong = []
    ended = {line["attempt"] for line in lines if line["what"] == "end"}
    appeared: dict[tuple[str, str], float] = {}
    for name, seen in watcher.seen.items():
        manifest = watcher.manifest(name)
        if "attempt" in manifest["details"] and name not in watcher.earlier:
            appeared[manifest["stage"], manifest["inputs"]["name"]] = seen.at
            if manifest["details"]["attempt"] not in ended:
                wrong.append(f"artifact {name} is of attempt {manifest['details']['attempt']}, which has no end")
    for line in lines:
        at = appeared.get((line["stage"], line["name"]), math.inf)
        if line["what"] == "begin" and line["at"] > at + _LATE_SECONDS:
            late = line["at"] - at
            wrong.append(f"{line['stage']} {line['name']} was begun again {late:.1f} s after it was published")
    return wrong


def judge_files(field: Field, watcher: Watcher, found: list[TrialRecord]) -> list[str]:
    """Every artifact that a trial rests on is there and whole."""
    wrong = []
    wanted = {f"{step.partition('/')[0]}/{key}" for record in found for step, key in record.artifacts.items()}
    for name in sorted(wanted):
        if name not in watcher.seen:
            wrong.append(f"artifact {name} is missing")
            continue
        for file, sha256 in watcher.manifest(name)["files"].items():
            # Behind a URL a file has the beginning of its hash in its name.
            stored = f"{name}/{file}" if field.s3 is None else f"{name}/{sha256[:16]}.{quote(file, safe='')}"
            try:
                if hashlib.sha256(read_file(field, stored)).hexdigest() != sha256:
                    wrong.append(f"artifact {name}: {file} is damaged")
            except FileNotFoundError:
                wrong.append(f"artifact {name}: {file} is missing")
    return wrong
