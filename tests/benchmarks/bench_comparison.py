"""Two models in turns: how often one is told from a copy with 3 % more work, and how often from itself."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from mqn.device.backends.local.backend import LocalBackend
from mqn.device.backends.local.isolation import KillSwitch
from mqn.device.science.intervals import analyse_comparison
from mqn.device.science.yardsticks import Yardsticks
from mqn.device.session import SessionFile, compare
from mqn.records import Comparison, MeasureSettings
from tests.support.tflite_models import convolutions

REPEATS = 20
# 34 equal convolutions are 3.03 % more work than 33.
LAYERS = 33
ERROR_LIMIT = 0.05
ATTEMPTS = 3


def run(repeats: int = REPEATS) -> dict[str, Any]:
    """Compare with the quick preset; the worse error rate over what is allowed."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        model, more = folder / "model.tflite", folder / "more.tflite"
        model.write_bytes(convolutions(48, 16, layers=LAYERS))
        more.write_bytes(convolutions(48, 16, layers=LAYERS + 1))
        lab = _Lab(folder)
        same, different = [], []
        for _ in range(repeats):
            same.append(lab.compare(model, model))
            different.append(lab.compare(model, more))
    false = sum(one.p50 is None or one.p50.different for one in same) / repeats
    missed = sum(one.p50 is None or not one.p50.different or one.p50.value < 1 for one in different) / repeats
    return {
        "name": f"{repeats} comparisons of a model with itself and with 3 % more work, the worse error rate",
        "ratio": max(false, missed) / ERROR_LIMIT,
        "limit": 1.0,
        "detail": {
            "told_from_itself": false,
            "more_work_missed": missed,
            "told_from_itself_by_p90": sum(one.p90 is None or one.p90.different for one in same) / repeats,
            "ratios_to_itself": _describe(same),
            "ratios_to_more": _describe(different),
            "refused_and_repeated": lab.refused,
            "seconds_each": lab.seconds / lab.tries,
        },
    }


class _Lab:
    def __init__(self, folder: Path) -> None:
        self._folder, self._yardsticks = folder, Yardsticks(folder / "yardsticks.json")
        self.refused, self.tries, self.seconds = 0, 0, 0.0

    def compare(self, first: Path, second: Path) -> Comparison:
        """As a caller does: what is refused is tried again."""
        for _ in range(ATTEMPTS):
            start = time.perf_counter()
            found = compare(
                LocalBackend(),
                [SessionFile(part="model", sha256="0" * 64, path=first)],
                [SessionFile(part="model", sha256="0" * 64, path=second)],
                MeasureSettings(),
                folder=self._folder,
                switch=KillSwitch(),
                yardsticks=self._yardsticks,
            )
            self.tries += 1
            self.seconds += time.perf_counter() - start
            if found.verdict == "ok":
                break
            self.refused += 1
        return analyse_comparison(found)


def _describe(comparisons: list[Comparison]) -> dict[str, float]:
    values = np.array([one.p50.value for one in comparisons if one.p50 is not None])
    widths = np.array([one.p50.range.high / one.p50.range.low - 1 for one in comparisons if one.p50 is not None])
    if not len(values):
        return {}
    return {
        "lowest": float(values.min()),
        "median": float(np.median(values)),
        "highest": float(values.max()),
        "median_width": float(np.median(widths)),
    }


if __name__ == "__main__":
    print(run())
