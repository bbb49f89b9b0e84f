"""What it costs that artifacts survive a power cut: published with everything synced, against renamed alone.

One side publishes the artifacts of a small study's trial (a checkpoint of 4 MB, a model of 1 MB, records) as a study
does; the other does the same with the syncs left out. The cost of a trial is told in milliseconds beside the ratio.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest import mock

from mqn.files import publishing
from mqn.search.artifacts import ArtifactStore

_ROUNDS = 15
SIZES = {
    "train": {"checkpoint.pt": 4_000_000, "history.json": 4_000},
    "quantize": {"model.tflite": 1_000_000, "recipe.json": 2_000},
    "score": {"scores.json": 3_000},
    "measure": {"measurement.json": 60_000},
}


def publish(store: ArtifactStore, number: int) -> float:
    """Seconds that the artifacts of a trial take."""
    started = time.perf_counter()
    for stage, files in SIZES.items():
        with store.open(stage, f"{number:064x}") as slot:
            for name, size in files.items():
                (slot.folder / name).write_bytes(number.to_bytes(4, "little") * (size // 4))
            slot.publish(inputs={"number": number}, versions={}, seconds=0.0, details={})
    return time.perf_counter() - started


def run() -> dict[str, Any]:
    """Measure both sides in turn."""
    synced, renamed = [], []
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder:
        store = ArtifactStore(Path(folder))
        for number in range(_ROUNDS):
            synced.append(publish(store, 2 * number))
            with mock.patch.object(publishing, "_sync"):
                renamed.append(publish(store, 2 * number + 1))
    ours, theirs = statistics.median(synced), statistics.median(renamed)
    return {
        "name": "publishing the artifacts of a trial: synced / renamed alone",
        "ratio": ours / theirs,
        "limit": 8.0,
        "detail": {
            "synced_ms": round(1000 * ours, 2),
            "renamed_ms": round(1000 * theirs, 2),
            "more_ms_a_trial": round(1000 * (ours - theirs), 2),
            "rounds": _ROUNDS,
            "bytes": sum(size for files in SIZES.values() for size in files.values()),
        },
    }
