"""`mqn convert` of a JPEG of 12 megapixels to Ultra HDR: with the model in the box, and against the same to OpenEXR.

The model in the box gives gains, so it sees a megapixel; its time and its memory stand beside their limits. The ratio
is that of a model of one convolution, to Ultra HDR over to OpenEXR. Both spend the same on reading the picture and on
the network. What differs is the gain map, its JPEG and the base's bytes on one side, and the compression of floats on
the other.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mqn.hdr.scenes import scene
from mqn.hdr.tonemap import reinhard
from tests.support.records import write_manifest
from tests.support.tflite_models import convolutions

HEIGHT, WIDTH = 3000, 4000
REPEATS = 3
LIMIT, LIMIT_SECONDS, LIMIT_MB = 1.2, 2.0, 600.0


# The system counts this process's own peak as its child's too, but not in the child's own status.
_CONVERT = """
import sys
from mqn.cli.app import run
code = run(sys.argv[1:])
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
sys.exit(code)
"""


@dataclass(frozen=True, slots=True)
class _Cost:
    processor_s: float
    seconds: float
    peak_mb: float


def run() -> dict[str, Any]:
    """Each kind in a process of its own, in turns; the least of each, which other work disturbs least."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        photograph = folder / "photo.jpg"
        _photograph(photograph)
        model = folder / "model.tflite"
        model.write_bytes(convolutions(32, 3, signed=True))
        one = str(write_manifest(model, codec="log", input_size=32))
        kinds = {"in_the_box": ("default", "a.jpg"), "ultra_hdr": (one, "b.jpg"), "openexr": (one, "c.exr")}
        used: dict[str, list[_Cost]] = {name: [] for name in kinds}
        for _ in range(REPEATS):
            for name, (bundle, target) in kinds.items():
                used[name].append(_convert(photograph, bundle, folder / target))
        sizes = {path.name: path.stat().st_size for path in folder.iterdir() if path.suffix in (".jpg", ".exr")}
    best = {name: min(costs, key=lambda cost: cost.processor_s) for name, costs in used.items()}
    box = used["in_the_box"]
    return {
        "name": f"processor time of converting {WIDTH} x {HEIGHT} pixels to Ultra HDR, against OpenEXR",
        "ratio": best["ultra_hdr"].processor_s / best["openexr"].processor_s,
        "limit": LIMIT,
        "detail": {
            "in_the_box_s": min(cost.seconds for cost in box),
            "in_the_box_limit_s": LIMIT_SECONDS,
            "in_the_box_peak_mb": max(cost.peak_mb for cost in box),
            "in_the_box_limit_mb": LIMIT_MB,
            **{f"{name}_processor_s": cost.processor_s for name, cost in best.items()},
            "ultra_hdr_peak_mb": best["ultra_hdr"].peak_mb,
            "openexr_peak_mb": best["openexr"].peak_mb,
            "size_bytes": sizes,
        },
    }


def _convert(photograph: Path, bundle: str, made: Path) -> _Cost:
    words = ["convert", str(photograph), "--model", bundle, "--output", str(made)]
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run([sys.executable, "-c", _CONVERT, *words], check=True, capture_output=True, text=True)
    after, end = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return _Cost(processor, end - begin, int(done.stdout.split()[-1]) * 1024 / 1e6)


def _photograph(path: Path) -> None:
    """A procedural scene, enlarged, with a camera's noise."""
    codes = cv2.resize(reinhard(scene(750, 0)), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC) * 255
    noisy = codes + np.random.default_rng(0).normal(0, 1.5, codes.shape)
    written = cv2.imwrite(str(path), np.clip(noisy, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 93])
    assert written


if __name__ == "__main__":
    print(run())
