"""Records a table, row by row; called again, it goes on where it was.

    python -m tests.benchmarks.wisdom.record --photos ../shared/hdr --rows 300 [--table search] [--processes 2]

Every process keeps to one thread. Latencies are added by `python -m tests.benchmarks.wisdom.time_networks`.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import sys
import time
import tomllib
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from mqn.parsing import content_hash
from tests.benchmarks.wisdom.candidates import FOLDER, KINDS, TableKind, networks, wisdom_space
from tests.benchmarks.wisdom.photographs import SIDE, prepare_photographs
from tests.benchmarks.wisdom.table import append, begin_table
from tests.benchmarks.wisdom.training_row import THREADS, make_row, score_doing_nothing


def main() -> int:
    """Record the rows that are missing."""
    os.environ.update(THREADS)  # Before a numeric library reads them: they are imported by the first row.
    arguments = _parser().parse_args()
    kind = KINDS[arguments.table]
    data = arguments.work / "photographs"
    dataset = prepare_photographs(arguments.photos, data)
    head = {**about_recording(kind), "data": dataset.hash}
    head["doing_nothing"] = score_doing_nothing(data)
    table = begin_table(kind.path, head)
    wanted = networks(kind, arguments.rows)
    for row in table.rows:
        if row.number < len(wanted) and row.network != wanted[row.number]:
            raise SystemExit(f"{kind.path}: row {row.number} is of another candidate than this version draws")
    missing = [number for number in range(len(wanted)) if number not in {row.number for row in table.rows}]
    print(f"{kind.path.name}: {len(table.rows)} rows, {len(missing)} to be made", flush=True)
    context = multiprocessing.get_context("spawn")
    began = time.monotonic()
    with ProcessPoolExecutor(arguments.processes, mp_context=context) as pool:
        making = [pool.submit(make_row, data, kind.name, number, wanted[number]) for number in missing]
        try:
            for done, future in enumerate(as_completed(making), 1):
                row = future.result()
                append(kind.path, "row", row)
                each = (time.monotonic() - began) / done
                told = row.error or f"{row.curve[-1]:.2f} dB after {len(row.curve)} epochs"
                print(f"row {row.number}: {told}; {row.seconds:.0f} s; {each:.1f} s a row so far", flush=True)
        except BaseException:
            pool.shutdown(cancel_futures=True)  # Else every row that is left would be made, and thrown away.
            raise
    return 0


def about_recording(kind: TableKind) -> dict[str, Any]:
    """What has to stay the same for rows to be comparable."""
    import torch

    tables = tomllib.loads((FOLDER / "space.toml").read_text(encoding="utf-8"))
    return {
        "space": content_hash({name: tables[name] for name in ("fixed", "dimensions", "expansion", "scoring")}),
        "points_seed": kind.points,
        "training_seed": kind.training_seed,
        "picture_side": SIDE,
        "epochs": wisdom_space().base.training.epochs,
        "torch": torch.__version__,
        "machine": platform.machine(),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True, help="folder of HDR photographs with a manifest.csv")
    parser.add_argument("--rows", type=int, required=True, help="how many rows the table shall have in all")
    parser.add_argument("--table", choices=list(KINDS), default="search")
    parser.add_argument("--processes", type=int, default=1, help="rows made at a time")
    parser.add_argument("--work", type=Path, default=Path(".mqn/wisdom"), help="where the pictures are prepared")
    return parser


if __name__ == "__main__":
    sys.exit(main())
