"""The epochs that this project's search needs for what TPE reaches with 100 whole trainings, on recorded trainings.

TPE draws with whole trainings, every plan of a training is told it. Ours has its sampler, its gate and its rungs. The
parts of ours, and the other baselines, stand in `python -m tests.benchmarks.wisdom.compare`, which takes longer.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from mqn.workers import processors
from tests.benchmarks.wisdom.candidates import HELD_BACK, SEARCH
from tests.benchmarks.wisdom.compare import SEEDS, TRAININGS, Budget, baseline_volume, run_seeds, summarise
from tests.benchmarks.wisdom.grounds import halving_limit, load_grounds
from tests.benchmarks.wisdom.replay import Grounds

TPE, OURS = "tpe", "frontier+gate+rungs"
LIMIT = 0.35


def run() -> dict[str, Any]:
    """Both on the table that methods are tuned on; beside it the held-back one, and a limit that half of it breaks."""
    grounds, held_back = load_grounds(SEARCH), load_grounds(HELD_BACK)
    limited = replace(grounds, limit=halving_limit(grounds))
    needed = _share_needed(grounds)
    quarter = Budget(trainings=TRAININGS // 4)
    broken = {name: run_seeds(name, limited, SEEDS, quarter, processes=processors()) for name in (TPE, OURS)}
    detail = {
        "seeds": SEEDS,
        "rows": len(grounds.rows),
        "share_of_epochs_quartiles": _quartiles(needed),
        "held_back_rows": len(held_back.rows),
        "held_back_share_of_epochs_quartiles": _quartiles(_share_needed(held_back)),
        "trainings_beyond_the_limit": max(run.breakers for run in broken[OURS]),
        "tpe_share_of_trainings_beyond_the_limit": _quartiles([r.breakers / len(r.trained) for r in broken[TPE]]),
    }
    name = f"epochs for what TPE reaches with {TRAININGS} trainings, as a share of TPE's"
    return {"name": name, "ratio": summarise(needed).median, "limit": LIMIT, "detail": detail}


def _share_needed(grounds: Grounds) -> list[float]:
    """Of TPE's epochs, by seed; infinite where half of them were not enough."""
    volume = baseline_volume(run_seeds(TPE, grounds, SEEDS, processes=processors()), grounds)
    budget = Budget(trainings=TRAININGS // 2, enough=volume)
    ours = run_seeds(OURS, grounds, SEEDS, budget, processes=processors())
    return [run.needed(volume) / (TRAININGS * grounds.epochs) for run in ours]


def _quartiles(values: list[float]) -> list[float | None]:
    found = summarise(values)
    return [value if value < float("inf") else None for value in (found.low, found.median, found.high)]


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
