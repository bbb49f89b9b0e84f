"""Preparing a folder of photographs: two Ray workers against one process, side by side on the same files."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from mqn.data.preparation import engine
from mqn.data.preparation.prepare import prepare
from mqn.hdr.io.files import write
from mqn.hdr.scenes import scene

PICTURES = int(os.environ.get("MQN_BENCH_PICTURES", "240"))
DIFFERENT = 12
"""Files that differ; the others are links to them, and are decoded like any other."""

HEIGHT, WIDTH = 1000, 1500
WORKERS = 2


def run() -> dict[str, Any]:
    """The whole of `prepare` each way: Ray started beforehand and its workers warm, as in the middle of a long run.

    `cold_seconds` is the same with a Ray that has to be started first, as a user sees it for so few files.
    """
    import ray

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _photographs(folder / "photos")
        cold = _seconds(folder, "cold", WORKERS)
        one = _seconds(folder, "one", 1)
        engine._start(WORKERS, None)
        _seconds(folder, "warm-up", WORKERS)
        two = _seconds(folder, "two", WORKERS)
        ray.shutdown()
        assert (folder / "one/pictures.npy").read_bytes() == (folder / "two/pictures.npy").read_bytes()
        assert (folder / "one/dataset.json").read_bytes() == (folder / "two/dataset.json").read_bytes()
    return {
        "name": f"preparing photographs: {WORKERS} workers against one process, Ray's start not included",
        "ratio": two / one,
        "limit": 1 / 1.7,
        "detail": {
            "speedup": one / two,
            "one_process_seconds": one,
            "two_workers_seconds": two,
            "cold_seconds": cold,
            "speedup_with_rays_start": one / cold,
            "pictures": PICTURES,
            "pixels": f"{WIDTH} x {HEIGHT}",
        },
    }


def _photographs(folder: Path) -> None:
    """Half OpenEXR, half Radiance: a procedural scene, enlarged, with noise that packs as photographs do."""
    folder.mkdir()
    base = scene(500, 0)
    base = np.tile(base, (2, 3, 1))
    for number in range(PICTURES):
        path = folder / f"{number:03d}.{('exr', 'hdr')[number % 2]}"
        if number >= DIFFERENT:
            path.hardlink_to(folder / f"{number % DIFFERENT:03d}{path.suffix}")
            continue
        grain = np.random.default_rng(number).uniform(0.98, 1.02, (HEIGHT, WIDTH, 1)).astype(np.float32)
        write(path, np.roll(base, number, 1) * grain)


def _seconds(folder: Path, name: str, workers: int) -> float:
    began = time.perf_counter()
    prepare(folder / "photos", folder / name, workers=workers)
    return time.perf_counter() - began


if __name__ == "__main__":
    print(run())
