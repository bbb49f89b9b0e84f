"""Adds latencies to a table, network by network; called again, it goes on where it was. Needs a quiet machine.

    python -m tests.benchmarks.wisdom.time_networks --photos ../shared/hdr [--table search]

What is measured is what the gate of a search measures: the untrained network, exported with every plan, on this
machine. Rows with the same network share its latencies.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mqn.data.dataset import Dataset
from mqn.errors import CandidateError, ConfigError, UnsteadyError
from mqn.parsing import to_plain
from mqn.profile import Profile
from mqn.records import MeasureSettings
from mqn.search.artifacts import Artifact, ArtifactStore
from mqn.search.pipeline import TrialPipeline
from mqn.search.space.dimensions import Params
from mqn.search.work.devices import Devices
from mqn.search.work.jobs import complete
from mqn.search.work.steps import Step, run_steps
from tests.benchmarks.wisdom.candidates import KINDS, TableKind, candidate, networks, plan_label, plans, wisdom_space
from tests.benchmarks.wisdom.photographs import prepare_photographs
from tests.benchmarks.wisdom.table import Latency, Table, append, architecture, lean, read_table
from tests.benchmarks.wisdom.training_row import THREADS

TARGET = "local"
_DIGITS = 5


def main() -> int:
    """Measure the networks that have no latency yet; 1 where some are left: disturbed, or not to be exported."""
    os.environ.update(THREADS)
    arguments = _parser().parse_args()
    kind = KINDS[arguments.table]
    dataset = prepare_photographs(arguments.photos, arguments.work / "photographs")
    profile = Profile(targets=(TARGET,), measure=settings_of(kind))
    table = read_table(kind.path)
    if table is None:
        raise SystemExit(f"{kind.path} has no rows yet; record some first")
    with Devices(profile, (TARGET,), "wisdom") as devices:
        _begin_timing(kind, table, devices, profile.measure)
        known = [one.network for one in table.latencies]
        every = (architecture(network) for network in networks(kind, arguments.rows))
        missing = [one for one in _distinct(every) if one not in known]
        print(f"{kind.path.name}: {len(known)} networks measured, {len(missing)} to be measured", flush=True)
        disturbed = 0
        began = time.monotonic()
        for done, network in enumerate(missing, 1):
            try:
                append(kind.path, "latency", _measure(dataset, profile, devices, kind, network))
            except (UnsteadyError, CandidateError) as error:
                disturbed += 1
                print(f"left for another call: {error}", flush=True)
            print(f"{done} of {len(missing)}, {(time.monotonic() - began) / done:.1f} s a network", flush=True)
    return 1 if disturbed else 0


def settings_of(kind: TableKind) -> MeasureSettings:
    """How a table's latencies are measured: as in a search, with fewer repetitions."""
    return MeasureSettings(
        delegate=kind.delegate, threads=1, processes=3, warmup_seconds=0.1, runs=50, seconds=0.3, attempts=8
    )


def _begin_timing(kind: TableKind, table: Table, devices: Devices, settings: MeasureSettings) -> None:
    """Write who measures and how, or check that it is the same as before."""
    [report] = devices.report()
    assert report.info is not None
    timing: dict[str, Any] = lean({"device": to_plain(report.info), "settings": to_plain(settings)})
    if table.timing is None:
        append(kind.path, "timing", timing)
    elif table.timing["device"]["id"] != report.info.id or table.timing["settings"] != timing["settings"]:
        raise ConfigError(
            f"{kind.path}: its latencies are those of device {table.timing['device']['id']} with other settings; "
            "go on there, or remove its lines `timing` and `latency` and measure all again"
        )


def _measure(dataset: Dataset, profile: Profile, devices: Devices, kind: TableKind, network: Params) -> Latency:
    pipeline = TrialPipeline(dataset, profile, wisdom_space().scoring, devices, gate=True)
    figures, verdicts = {}, {}
    refused: CandidateError | None = None
    with tempfile.TemporaryDirectory(prefix="mqn-wisdom-") as folder:
        store = ArtifactStore(Path(folder))
        for plan in plans():
            steps = pipeline.steps(candidate(network, plan, kind))
            try:
                made = run_steps(store, steps, "gate/quantize")
            except CandidateError as error:
                refused = error
                continue
            details = _measured(store, devices, steps, made).manifest.details
            label = plan_label(plan)
            figures[label] = {name: float(f"{value:.{_DIGITS}g}") for name, value in details["figures"].items()}
            figures[label]["size_bytes"] = details["figures"]["size_bytes"]
            verdicts[label] = details["verdict"]
        costs = run_steps(store, steps, "gate/untrained")["gate/untrained"].manifest.details
    if not figures and refused is not None:
        raise refused
    counts = {name: int(costs[name]["total"]) for name in ("macs", "parameters")}
    return Latency(network=network, figures=figures, verdicts=verdicts, **counts)


def _measured(store: ArtifactStore, devices: Devices, steps: tuple[Step, ...], made: dict[str, Artifact]) -> Artifact:
    """The step's job, placed on its device as a search does."""
    [step] = [one for one in steps if one.name == f"gate/measure/{TARGET}"]
    job = devices.place(step.make(made))
    assert job is not None, "the device is in use"
    return complete(store, job)


def _distinct(every: Iterator[Params]) -> list[Params]:
    found: list[Params] = []
    for one in every:
        if one not in found:
            found.append(one)
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True, help="folder of HDR photographs with a manifest.csv")
    parser.add_argument("--rows", type=int, default=300, help="the networks of so many first rows")
    parser.add_argument("--table", choices=["search", "held_back"], default="search")
    parser.add_argument("--work", type=Path, default=Path(".mqn/wisdom"), help="where the pictures are prepared")
    return parser


if __name__ == "__main__":
    sys.exit(main())
