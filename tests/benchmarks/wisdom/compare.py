"""Compares methods on a recorded table: the epochs that each needs for what TPE reaches with 100 whole trainings.

    python -m tests.benchmarks.wisdom.compare [--table search] [--seeds 20] [--methods tpe ...] [--processes 2]

Prints a Markdown table of medians with quartiles. MOASHA needs syne-tune (`moasha.py` says how it is installed).
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from tests.benchmarks.wisdom.candidates import KINDS
from tests.benchmarks.wisdom.grounds import fewest_trainings, halving_limit, load_grounds
from tests.benchmarks.wisdom.replay import Grounds, Replay

TRAININGS, SEEDS = 100, 20
BASELINE = "tpe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a method.

    Attributes:
        trace: epochs spent and the hypervolume reached with them, ascending.
        trained: rows whose training was begun, in order.
        breakers: how many of them no plan brings within the limit.
        seconds: wall time, which is the method's own.
    """

    trace: tuple[tuple[int, float], ...]
    trained: tuple[int, ...]
    breakers: int
    seconds: float

    def hypervolume_after(self, epochs: int) -> float:
        """The hypervolume of what was known after some epochs."""
        return max(reached for spent, reached in self.trace if spent <= epochs)

    def needed(self, volume: float) -> float:
        """After how many epochs a hypervolume was reached; infinity if it never was."""
        return next((float(spent) for spent, reached in self.trace if reached >= volume), math.inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A figure over seeds: the median, and the quartiles around it. Infinity: not within the budget."""

    low: float
    median: float
    high: float

    def text(self, digits: int = 0) -> str:
        """`412 (350 to 498)`."""
        return f"{_text(self.median, digits)} ({_text(self.low, digits)} to {_text(self.high, digits)})"


def run_method(name: str, grounds: Grounds, seed: int, trainings: int = TRAININGS) -> Run:
    """Run a method with a budget of so many whole trainings."""
    from tests.benchmarks.wisdom.methods.catalogue import METHODS

    replay = Replay(grounds, trainings * grounds.epochs)
    began = time.perf_counter()
    METHODS[name](replay, seed)
    seconds = time.perf_counter() - began
    breakers = sum(row in grounds.breakers for row in replay.trained)
    return Run(trace=replay.trace, trained=tuple(replay.trained), breakers=breakers, seconds=seconds)


def run_all(
    names: Sequence[str], grounds: Grounds, seeds: int, *, trainings: int = TRAININGS, processes: int = 1
) -> dict[str, list[Run]]:
    """Run every method with every seed."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        running = {
            name: [pool.submit(run_method, name, grounds, seed, trainings) for seed in range(seeds)] for name in names
        }
        return {name: [future.result() for future in futures] for name, futures in running.items()}


def summarise(values: Sequence[float]) -> Summary:
    """Median and quartiles, each a value that occurred."""
    ordered = sorted(values)
    low, median, high = (ordered[round(share * (len(ordered) - 1))] for share in (0.25, 0.5, 0.75))
    return Summary(low=low, median=median, high=high)


def baseline_volume(runs: Mapping[str, Sequence[Run]], grounds: Grounds, trainings: int = TRAININGS) -> float:
    """What TPE reaches with its whole budget: the median over seeds."""
    return statistics.median(run.hypervolume_after(trainings * grounds.epochs) for run in runs[BASELINE])


def markdown(runs: Mapping[str, Sequence[Run]], grounds: Grounds, trainings: int = TRAININGS) -> str:
    """A table: epochs needed, in whole trainings, and the hypervolume after a quarter and all of the budget."""
    volume, budget = baseline_volume(runs, grounds, trainings), trainings * grounds.epochs
    most = grounds.hypervolume(
        [(v, row.gate[p]["latency_ms"]) for row in grounds.rows for p, v in row.accuracy.items()]
    )
    lines = [
        f"| method | trainings' worth of epochs for TPE's {volume / most:.1%} of all | reached it "
        "| hypervolume after a quarter | after all | s a run |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, own in runs.items():
        needed = [run.needed(volume) for run in own]
        quarter, whole = (summarise([run.hypervolume_after(e) / most for run in own]) for e in (budget // 4, budget))
        lines.append(
            f"| {name} | {summarise([one / grounds.epochs for one in needed]).text(1)} "
            f"| {sum(map(math.isfinite, needed))} of {len(own)} | {quarter.text(3)} | {whole.text(3)} "
            f"| {statistics.median(run.seconds for run in own):.1f} |"
        )
    lines.append(f"\nWho knew the best each time would need {fewest_trainings(grounds, volume)} trainings.")
    return "\n".join(lines)


def breakers_markdown(runs: Mapping[str, Sequence[Run]]) -> str:
    """A table: what share of the trainings was of networks that break the limit."""
    lines = ["| method | trainings begun | of networks that break the limit |", "| --- | --- | --- |"]
    for name, own in runs.items():
        shares = summarise([run.breakers / len(run.trained) for run in own])
        begun = statistics.median(len(run.trained) for run in own)
        lines.append(f"| {name} | {begun:g} | {shares.text(2)} |")
    return "\n".join(lines)


def main() -> int:
    """Compare, without a limit and with one that half of the networks break."""
    from tests.benchmarks.wisdom.methods.catalogue import METHODS

    arguments = _parser(list(METHODS)).parse_args()
    grounds = load_grounds(KINDS[arguments.table])
    names = list(dict.fromkeys([BASELINE, *(arguments.methods or METHODS)]))
    options: dict[str, Any] = {"trainings": arguments.trainings, "processes": arguments.processes}
    print(f"{arguments.table}: {len(grounds.rows)} rows of {grounds.epochs} epochs, {arguments.seeds} seeds\n")
    print(markdown(run_all(names, grounds, arguments.seeds, **options), grounds, arguments.trainings), flush=True)
    limited = replace(grounds, limit=halving_limit(grounds))
    print(f"\nWith at most {limited.limit} ms, which {len(limited.breakers)} rows break with every plan:\n")
    print(breakers_markdown(run_all(names, limited, arguments.seeds, **options)), flush=True)
    return 0


def _text(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "more"


def _parser(methods: list[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", choices=["search", "held_back"], default="search")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--trainings", type=int, default=TRAININGS, help="whole trainings that the budget is worth")
    parser.add_argument("--methods", nargs="*", choices=methods, help="all, unless given; TPE is always among them")
    parser.add_argument("--processes", type=int, default=1, help="runs at a time")
    return parser


if __name__ == "__main__":
    sys.exit(main())
