"""How soon a grid of 2,004 points begins, against queueing its points one by one as Optuna does.

Ours: the loop queues every point and begins the first trial. Optuna's `enqueue_trial` is measured on some points, and
its time is that of so many as the grid has.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

from mqn.search.space.space_file import parse_space
from mqn.search.study.about import About
from mqn.search.study.studies import create_study
from tests.support.many_trials import definition

SEEDS, SAMPLE, LIMIT = 167, 40, 0.1
DIMENSIONS: dict[str, Any] = {
    "arch.attention": {"choices": ["none", "sa", "csa", "ca"]},
    "plan.backbone": {"choices": ["static_wi8_ai8", "float32", "float16"]},
    "training.seed": {"low": 1, "high": SEEDS},
}


def run() -> dict[str, Any]:
    """Both on SQLite, in new studies."""
    space = parse_space(definition(sampler="grid", dimensions=DIMENSIONS), source="grid")
    about = About(space=space.definition, space_hash=space.hash, space_name="grid")
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'study.db'}"
        ours, theirs = create_study("ours", url, about), create_study("theirs", url, about)
        began = time.perf_counter()
        points = space.grid()
        listed = time.perf_counter() - began
        assert ours.enqueue(points) == len(points)
        assert ours.ask() is not None
        seconds = time.perf_counter() - began
        began = time.perf_counter()
        for point in points[:SAMPLE]:
            theirs.optuna.enqueue_trial(point)
        optunas = (time.perf_counter() - began) / SAMPLE * len(points)
    detail = {"points": len(points), "ours_s": seconds, "of_it_listing_s": listed, "one_by_one_s": optunas}
    return {"name": f"a grid of {len(points)} begins", "ratio": seconds / optunas, "limit": LIMIT, "detail": detail}


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
