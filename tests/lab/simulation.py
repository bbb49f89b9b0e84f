"""A study of thousands of trials in simulated time: is it exact, and what does it cost the driver?

python -m tests.lab.simulation [--trials 10000] [--nodes 32] [--cpus 8] [--gpus 0] [--devices 40] [--sampler random]

Cluster, devices, times and failures are those of runners/simulate.toml, but for what is given. The space is `full`
with the given sampler, and without rungs unless `--rungs` is given. The figures are printed, and written to --json.
The process ends with 1 if a trial was lost or repeated, or a finished job was done again.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from typing import Any

from mqn.home import data_folder
from mqn.profile import load_profile
from mqn.search.simulation.world import Simulation
from mqn.search.study.driver import StudySummary, run_search
from mqn.search.study.request import SearchRequest
from mqn.search.study.studies import open_study
from mqn.search.study.trials import records
from mqn.search.world import simulated
from tests.lab.driver_costs import SIMULATION, DriverCosts
from tests.lab.simulated_study import find_faults, say_use, waiting_hours

RUNGS = "[rungs]\nlevels = 3\nfactor = 3\n"
_MEMORY = Path("/dev/shm")  # Artifacts are written by real workers elsewhere: this process shall not wait for a disk.


def main() -> int:
    """Run it, print, check."""
    options = _options()
    folder = Path(options.home or tempfile.mkdtemp(prefix="mqn-simulation-", dir=_MEMORY if _MEMORY.is_dir() else None))
    os.environ["MQN_HOME"] = str(folder)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        report = _run(options, folder)
    finally:
        if not options.home:
            shutil.rmtree(folder, ignore_errors=True)
    _show(report)
    if options.json:
        Path(options.json).write_text(json.dumps(report, indent=1), encoding="utf-8")
    return 1 if report["faults"] else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="a study in simulated time")
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--nodes", type=int, default=32)
    parser.add_argument("--cpus", type=int, default=8, help="of each node")
    parser.add_argument("--gpus", type=int, default=0, help="of each node; a training takes one where there are any")
    parser.add_argument("--devices", type=int, default=40)
    parser.add_argument("--sampler", choices=["random", "tpe", "nsga2"], default="random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--parallel", type=int, help="trials on their way at a time; as the driver chooses unless given"
    )
    parser.add_argument("--database", help="URL of the study's database; SQLite in the folder unless given")
    parser.add_argument("--rungs", action="store_true", help="trainings are stopped early, as the space has it")
    parser.add_argument("--calm", action="store_true", help="nothing fails")
    parser.add_argument("--home", help="folder that is kept; a temporary one unless given")
    parser.add_argument("--json", help="file for the figures")
    return parser.parse_args()


def _run(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    profile_path, space_path = _write_profile(options, folder), _write_space(options, folder)
    profile = load_profile(str(profile_path))
    simulation = Simulation(profile)
    request = SearchRequest(
        space=str(space_path),
        profile=str(profile_path),
        study="simulated",
        trials=options.trials,
        seed=options.seed,
        parallel=options.parallel,
    )
    costs, began, cpu = DriverCosts(), time.perf_counter(), time.process_time()
    with costs.watching():
        summary = run_search(request, world=simulated(simulation))
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    opening = time.process_time()
    study = open_study("simulated", profile.study_url)
    found = records(study)
    opening = time.process_time() - opening
    return {
        "trials": options.trials,
        "sampler": options.sampler,
        "workers": options.nodes * options.cpus,
        "gpus": options.nodes * options.gpus,
        "devices": options.devices,
        **_costs(costs, summary, wall, cpu, options.trials),
        "open_cpu_s": opening,
        "artifacts_mb": _size(Path(profile.artifacts)) / 1e6,
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "database_mb": sum(path.stat().st_size for path in folder.glob("*.db")) / 1e6,
        **say_use(simulation, profile),
        "waiting_hours": waiting_hours(found),
        "states": {state: count for state, count in summary.trials.items() if count},
        "faults": find_faults(study, found, simulation, options.trials),
    }


def _costs(costs: DriverCosts, summary: StudySummary, wall: float, cpu: float, trials: int) -> dict[str, Any]:
    return {
        "stopped": summary.stopped,
        "wall_s": wall,
        "process_cpu_s": cpu,
        "driver_cpu_s": costs.driver_cpu,
        "driver_cpu_ms_per_trial": 1000 * costs.driver_cpu / trials,
        "share": {part: seconds / costs.driver_cpu for part, seconds in costs.cpu.items() if part != SIMULATION},
        "wall_share": {part: seconds / wall for part, seconds in costs.wall.items()},
        "longest_loop_step_ms": 1000 * costs.longest["Loop.advance"],
        "longest_scheduler_step_ms": 1000 * costs.longest["Scheduler.step"],
        "longest_garbage_ms": 1000 * costs.longest["garbage"],
        "loop_steps": costs.calls["Loop.advance"],
        "database_calls": costs.calls["Patience.__call__"],
    }


def _size(folder: Path) -> int:
    """Bytes on a disk of 4 KiB blocks, folders included."""
    return sum(4096 * max(1, -(-path.stat().st_size // 4096)) for path in folder.rglob("*"))


def _write_profile(options: argparse.Namespace, folder: Path) -> Path:
    text = (data_folder("runners") / "simulate.toml").read_text(encoding="utf-8")
    plain = tomllib.loads(text)
    plain["simulate"] |= {
        "nodes": options.nodes,
        "node_cpus": options.cpus,
        "node_gpus": options.gpus,
        "devices": options.devices,
        "seed": options.seed,
    }
    if options.gpus:
        plain["ray"]["training_gpus"] = 1.0
    if options.database:
        plain["storage"]["study"] = options.database
    if options.calm:
        del plain["simulate"]["failures"]
    path = folder / "simulate.toml"
    path.write_text(_toml(plain), encoding="utf-8")
    return path


def _write_space(options: argparse.Namespace, folder: Path) -> Path:
    text = (data_folder("search_spaces") / "full.toml").read_text(encoding="utf-8")
    assert text.count('sampler = "frontier"') == 1
    text = text.replace('sampler = "frontier"', f'sampler = "{options.sampler}"')
    if not options.rungs:
        assert text.count(RUNGS) == 1
        text = text.replace(RUNGS, "")
    path = folder / "full.toml"
    path.write_text(text, encoding="utf-8")
    return path


def _toml(table: dict[str, Any], name: str = "") -> str:
    """A table of plain values and tables as TOML."""
    lines = [f"[{name}]"] if name else []
    lines += [f"{key} = {json.dumps(value)}" for key, value in table.items() if not isinstance(value, dict)]
    parts = ["\n".join(lines)]
    parts += [_toml(inner, f"{name}.{key}" if name else key) for key, inner in table.items() if isinstance(inner, dict)]
    return "\n".join(parts)


def _show(report: dict[str, Any]) -> None:
    for name, value in report.items():
        if isinstance(value, dict):
            print(f"{name}:")
            for key, inner in value.items():
                print(f"    {key}: {inner:.3g}" if isinstance(inner, float) else f"    {key}: {inner}")
        else:
            print(f"{name}: {value:.4g}" if isinstance(value, float) else f"{name}: {value}")


if __name__ == "__main__":
    sys.exit(main())
