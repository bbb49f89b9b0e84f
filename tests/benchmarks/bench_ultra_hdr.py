"""`mqn convert` of a JPEG of 12 megapixels to Ultra HDR, against the same to OpenEXR.

Both spend the same on reading the picture and on the network, here one convolution. What differs is the gain map, its
JPEG and the base's bytes on one side, and the compression of floats on the other.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mqn.hdr.scenes import scene
from mqn.hdr.tonemap import reinhard
from tests.support.records import write_manifest
from tests.support.tflite_models import convolutions

HEIGHT, WIDTH = 3000, 4000
REPEATS = 2
LIMIT = 1.2


def run() -> dict[str, Any]:
    """Each kind in a process of its own, in turns; the least processor time of each, which other work disturbs less."""
    used: dict[str, list[tuple[float, float]]] = {".jpg": [], ".exr": []}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        model = folder / "model.tflite"
        model.write_bytes(convolutions(32, 3, signed=True))
        bundle = write_manifest(model, codec="log", input_size=32)
        _photograph(folder / "photo.jpg")
        for _ in range(REPEATS):
            for suffix, costs in used.items():
                costs.append(_convert(folder / "photo.jpg", bundle, folder / f"made{suffix}"))
        sizes = {name: (folder / name).stat().st_size for name in ("photo.jpg", "made.jpg", "made.exr")}
    ultra_hdr, openexr = min(used[".jpg"]), min(used[".exr"])
    return {
        "name": f"processor time of converting {WIDTH} x {HEIGHT} pixels to Ultra HDR, against OpenEXR",
        "ratio": ultra_hdr[0] / openexr[0],
        "limit": LIMIT,
        "detail": {
            "ultra_hdr_processor_s": ultra_hdr[0],
            "ultra_hdr_s": ultra_hdr[1],
            "openexr_processor_s": openexr[0],
            "openexr_s": openexr[1],
            "peak_gb_of_either": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e9,
            "size_bytes": sizes,
        },
    }


def _convert(photograph: Path, bundle: Path, made: Path) -> tuple[float, float]:
    """Processor seconds of a command, and seconds."""
    words = ["convert", str(photograph), "--model", str(bundle), "--output", str(made)]
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-m", "mqn", *words], check=True, capture_output=True)
    after, end = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, end - begin


def _photograph(path: Path) -> None:
    """A procedural scene, enlarged, with a camera's noise."""
    codes = cv2.resize(reinhard(scene(750, 0)), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC) * 255
    noisy = codes + np.random.default_rng(0).normal(0, 1.5, codes.shape)
    written = cv2.imwrite(str(path), np.clip(noisy, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 93])
    assert written


if __name__ == "__main__":
    print(run())
