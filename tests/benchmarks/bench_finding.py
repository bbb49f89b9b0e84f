"""What it costs to look a trial's artifacts up: trusted while nothing touched them, against hashed each time.

Both sides look the same whole artifacts up, with the sizes of a small study's trial (a checkpoint of 4 MB, a model of
1 MB, records). One side is `find`; the other hashes every file, as `find` did before and `mqn select` still does.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mqn.search.artifacts import Artifact, ArtifactStore
from tests.benchmarks.bench_publishing import SIZES, publish

_TRIALS, _ROUNDS = 10, 7


def run() -> dict[str, Any]:
    """Measure both sides in turn."""
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder:
        store = ArtifactStore(Path(folder))
        for number in range(_TRIALS):
            publish(store, number)
        keys = store.keys()

        def hashed(artifact: Artifact | None) -> None:
            assert artifact is not None
            assert store.verify(artifact)

        trusted, read = [], []
        for _ in range(_ROUNDS):
            trusted.append(_seconds(lambda key: store.find(*key), keys))
            read.append(_seconds(lambda key: hashed(store.find(*key)), keys))
    ours, theirs = statistics.median(trusted), statistics.median(read)
    return {
        "name": "looking a trial's artifacts up: trusted / hashed each time",
        "ratio": ours / theirs,
        "limit": 0.2,
        "detail": {
            "trusted_ms_a_trial": round(1000 * ours / _TRIALS, 3),
            "hashed_ms_a_trial": round(1000 * theirs / _TRIALS, 3),
            "artifacts_a_trial": len(SIZES),
            "rounds": _ROUNDS,
        },
    }


def _seconds(look: Callable[[tuple[str, str]], object], keys: list[tuple[str, str]]) -> float:
    started = time.perf_counter()
    for key in keys:
        look(key)
    return time.perf_counter() - started
