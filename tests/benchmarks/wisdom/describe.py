"""Describes a recorded table: how far candidates differ, how much of that is noise, and what a curve's begin tells.

python -m tests.benchmarks.wisdom.describe [--table search]
"""

from __future__ import annotations

import argparse
import statistics
import sys

import numpy as np
from scipy.stats import spearmanr

from tests.benchmarks.wisdom.candidates import KINDS, REPEATS, SEARCH
from tests.benchmarks.wisdom.replay import MEASURE
from tests.benchmarks.wisdom.table import Row, read_table


def main() -> int:
    """Print what a table's rows say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", choices=list(KINDS), default=SEARCH.name)
    table = read_table(KINDS[parser.parse_args().table].path)
    if table is None:
        raise SystemExit("nothing is recorded yet")
    whole = [row for row in table.rows if not row.error]
    final = np.array([row.scores[MEASURE] for row in whole])
    print(f"{len(table.rows)} rows, {len(table.rows) - len(whole)} failed; {len(table.latencies)} networks timed")
    print(f"seconds a row: median {statistics.median(row.seconds for row in table.rows):.1f}")
    print(f"seconds an epoch: median {statistics.median(row.epoch_seconds or 0 for row in whole):.2f}")
    low, median, high = np.quantile(final, [0, 0.5, 1])
    print(f"float accuracy in dB: {low:.2f} to {high:.2f}, median {median:.2f}, standard deviation {final.std():.2f}")
    for epochs in (1, 2, 3, 4, 6, 9, 12):
        rank = spearmanr([row.curve[epochs - 1] for row in whole], final).statistic
        print(f"rank correlation of epoch {epochs} with the float file: {rank:.2f}")
    for label in whole[0].plans:
        told = [row.plans[label] for row in whole]
        lost = [
            row.scores[MEASURE] - plan.scores[MEASURE] for row, plan in zip(whole, told, strict=True) if not plan.error
        ]
        quartiles = np.quantile(lost, [0.25, 0.5, 0.75, 1])
        print(f"{label} loses in dB: " + ", ".join(f"{value:.3f}" for value in quartiles) + " (quartiles and most)")
    _print_noise(whole)
    return 0


def _print_noise(rows: list[Row]) -> None:
    """What another seed changes, where it was tried."""
    again = read_table(REPEATS.path)
    if again is None:
        return
    first = {tuple(row.network.items()): row.scores[MEASURE] for row in rows}
    pairs = [
        (first[key], row.scores[MEASURE])
        for row in again.rows
        if not row.error and (key := tuple(row.network.items())) in first
    ]
    if len(pairs) > 1:
        differences = np.array([one - other for one, other in pairs])
        noise = float(np.sqrt((differences**2).mean() / 2))
        print(f"{len(pairs)} candidates with another seed: standard deviation {noise:.3f} dB")
        print("  " + ", ".join(f"{one:.2f} and {other:.2f}" for one, other in pairs))


if __name__ == "__main__":
    sys.exit(main())
