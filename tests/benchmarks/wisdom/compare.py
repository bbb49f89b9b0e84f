"""Compares methods on a recorded table: the epochs that each needs for what TPE reaches with 100 whole trainings.

    python -m tests.benchmarks.wisdom.compare [--table search] [--seeds 20] [--methods tpe ...] [--processes 2]

Prints a Markdown table of medians with quartiles, a method as soon as its runs are over. All but TPE have half of its
budget, and a run is over when it has reached TPE's hypervolume and spent a quarter. MOASHA needs syne-tune (`moasha.py`
says how it is installed).
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from unittest import mock

from mqn.scoring.judging.pool import ONE_THREAD
from tests.benchmarks.wisdom.candidates import KINDS
from tests.benchmarks.wisdom.grounds import fewest_trainings, halving_limit, load_grounds
from tests.benchmarks.wisdom.replay import Grounds, Replay

TRAININGS, SEEDS = 100, 20
BASELINE = "tpe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a run may spend, in whole trainings.

    Attributes:
        trainings: at most so much.
        least: at least so much.
        enough: hypervolume at which it is over then.
    """

    trainings: int
    least: int = 0
    enough: float = math.inf


WHOLE = Budget(trainings=TRAININGS)


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


def run_method(name: str, grounds: Grounds, seed: int, budget: Budget = WHOLE) -> Run:
    """Run a method until its budget is spent, or it has reached what is enough."""
    import optuna

    from tests.benchmarks.wisdom.methods.catalogue import METHODS

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    replay = Replay(
        grounds, budget.trainings * grounds.epochs, least=budget.least * grounds.epochs, enough=budget.enough
    )
    began = time.perf_counter()
    METHODS[name](replay, seed)
    seconds = time.perf_counter() - began
    breakers = sum(row in grounds.breakers for row in replay.trained)
    return Run(trace=replay.trace, trained=tuple(replay.trained), breakers=breakers, seconds=seconds)


def run_seeds(name: str, grounds: Grounds, seeds: int, budget: Budget = WHOLE, *, processes: int = 1) -> list[Run]:
    """Run a method with every seed, some at a time, each with one numeric thread: more would wait for each other."""
    context = multiprocessing.get_context("spawn")
    with mock.patch.dict(os.environ, ONE_THREAD), ProcessPoolExecutor(processes, mp_context=context) as pool:
        running = [pool.submit(run_method, name, grounds, seed, budget) for seed in range(seeds)]
        return [future.result() for future in running]


def summarise(values: Sequence[float]) -> Summary:
    """Median and quartiles, each a value that occurred."""
    ordered = sorted(values)
    low, median, high = (ordered[round(share * (len(ordered) - 1))] for share in (0.25, 0.5, 0.75))
    return Summary(low=low, median=median, high=high)


def baseline_volume(runs: Sequence[Run], grounds: Grounds) -> float:
    """What TPE reaches with its whole budget: the median over seeds of its runs."""
    return statistics.median(run.hypervolume_after(TRAININGS * grounds.epochs) for run in runs)


def compare(names: Sequence[str], grounds: Grounds, seeds: int, *, processes: int) -> Iterator[str]:
    """Lines of a table: the epochs that each method needs, in whole trainings, and its hypervolume after a quarter."""
    baseline = run_seeds(BASELINE, grounds, seeds, processes=processes)
    volume = baseline_volume(baseline, grounds)
    most = grounds.hypervolume(
        [(v, row.gate[p]["latency_ms"]) for row in grounds.rows for p, v in row.accuracy.items()]
    )
    yield (
        f"| method | trainings' worth of epochs for TPE's {volume / most:.2%} of all | reached it within "
        "| hypervolume after a quarter | s a run |"
    )
    yield "| --- | --- | --- | --- | --- |"
    half = Budget(trainings=TRAININGS // 2, least=TRAININGS // 4, enough=volume)
    for name in names:
        budget = WHOLE if name == BASELINE else half
        runs = baseline if name == BASELINE else run_seeds(name, grounds, seeds, budget, processes=processes)
        needed = [run.needed(volume) / grounds.epochs for run in runs]
        quarter = summarise([run.hypervolume_after(half.least * grounds.epochs) / most for run in runs])
        yield (
            f"| {name} | {summarise(needed).text(1)} | {budget.trainings}: {sum(map(math.isfinite, needed))} of "
            f"{len(runs)} | {quarter.text(3)} | {statistics.median(run.seconds for run in runs):.1f} |"
        )
    yield f"\nWho knew the best each time would need {fewest_trainings(grounds, volume)} trainings."


def compare_breakers(names: Sequence[str], grounds: Grounds, seeds: int, *, processes: int) -> Iterator[str]:
    """Lines of a table: what share of the trainings was of networks that break the limit."""
    yield "| method | trainings begun | of networks that break the limit |"
    yield "| --- | --- | --- |"
    for name in names:
        runs = run_seeds(name, grounds, seeds, Budget(trainings=TRAININGS // 4), processes=processes)
        shares = summarise([run.breakers / len(run.trained) for run in runs])
        begun = statistics.median(len(run.trained) for run in runs)
        yield f"| {name} | {begun:g} | {shares.text(2)} |"


def main() -> int:
    """Compare, without a limit and with one that half of the networks break."""
    from tests.benchmarks.wisdom.methods.catalogue import METHODS

    arguments = _parser(list(METHODS)).parse_args()
    grounds = load_grounds(KINDS[arguments.table])
    names = list(dict.fromkeys([BASELINE, *(arguments.methods or METHODS)]))
    print(f"{arguments.table}: {len(grounds.rows)} rows of {grounds.epochs} epochs, {arguments.seeds} seeds\n")
    for line in compare(names, grounds, arguments.seeds, processes=arguments.processes):
        print(line, flush=True)
    limited = replace(grounds, limit=halving_limit(grounds))
    print(f"\nWith at most {limited.limit} ms, which {len(limited.breakers)} rows break with every plan:\n")
    judged = [name for name in names if name == BASELINE or "gate" in name]
    for line in compare_breakers(judged, limited, arguments.seeds, processes=arguments.processes):
        print(line, flush=True)
    return 0


def _text(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "more"


def _parser(methods: list[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", choices=["search", "held_back"], default="search")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--methods", nargs="*", choices=methods, help="all, unless given; TPE is always among them")
    parser.add_argument("--processes", type=int, default=1, help="runs at a time")
    return parser


if __name__ == "__main__":
    sys.exit(main())
