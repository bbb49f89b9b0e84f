"""What a suggestion of the sampler `frontier` takes with 100, 300 and 1,000 trainings, beside TPE's on the same trials.

Trainings of a made-up landscape, each with all its eight plans, as a study with `[expansion]` has them. TPE gets what a
study gives it: all trials, and of many the best 500. Times are the processor's, of one thread with OMP_NUM_THREADS=1.
"""

from __future__ import annotations

import json
import statistics
import time
from typing import Any

import numpy as np
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from mqn.search.samplers.frontier.encoding import point_at
from mqn.search.samplers.making import LEARNS_FROM_SOME
from mqn.search.space.space import Space
from mqn.search.trials.history import History, LearningStorage
from mqn.search.trials.knowledge import curve_attribute, float_attribute
from mqn.search.trials.sampling import draw_point, with_distributions
from tests.support.landscape import outcome, space

SIZES, DRAWS, LIMIT = (100, 300, 1000), 3, 80.0
DIRECTIONS = [StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE]


def fill(made: Space, trainings: int) -> list[FrozenTrial]:
    """Complete trials of so many trainings, with all their plans."""
    source, found = np.random.default_rng(0), []
    for _ in range(trainings):
        point = point_at(made.dimensions, list(source.random(len(made.dimensions))))
        for plan in (point, *made.siblings(point)):
            told, values = outcome(plan), with_distributions(made, plan)
            trial = create_trial(
                state=TrialState.COMPLETE,
                values=[told.psnr_tm, told.latency_ms],
                params={key: value for key, (value, _) in values.items()},
                distributions={key: distribution for key, (_, distribution) in values.items()},
                system_attrs={**curve_attribute(told.curve), **float_attribute({"psnr_tm_float": told.psnr_tm_float})},
            )
            trial.number = len(found)
            found.append(trial)
    return found


def draw_seconds(made: Space, trials: list[FrozenTrial]) -> float:
    """The median processor time of a draw."""
    seconds = []
    for seed in range(DRAWS):
        began = time.process_time()
        storage = LearningStorage(DIRECTIONS, trials)
        draw_point(made, len(trials), seed=seed, seen=lambda storage=storage: storage, pinned={}, known=())
        seconds.append(time.process_time() - began)
    return statistics.median(seconds)


def run() -> dict[str, Any]:
    """Both samplers in turn on the same trials; the ratio is the one with 300 trainings."""
    ours, theirs = space(sampler="frontier"), space(sampler="tpe")
    trials, detail, ratio = fill(ours, max(SIZES)), {}, 0.0
    plans = len(trials) // max(SIZES)
    for size in SIZES:
        some = trials[: size * plans]
        history = History(DIRECTIONS)
        for trial in some:
            history.add(trial)
        frontier = draw_seconds(ours, some)
        tpe = draw_seconds(theirs, history.choose([0, len(some)], LEARNS_FROM_SOME["tpe"]))
        detail[f"{size}_trainings"] = {"frontier_s": frontier, "tpe_s": tpe}
        if size == 300:
            ratio = frontier / tpe
    return {"name": "a suggestion with 300 trainings", "ratio": ratio, "limit": LIMIT, "detail": detail}


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
