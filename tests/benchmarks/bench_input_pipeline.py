"""How long training waits for its pairs: batch 4 at 256 x 256, every pair synthesised while the network works.

Two epochs of a real training on the procedural scenes, repeated so that an epoch has 24 steps, once with LDR inputs by
the paper's operators and once by the virtual camera. The ratio is the worse of the two shares of waiting, the first
batch of an epoch included: nothing is synthesised across epochs.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

REPEATS = 4
LIMIT = 0.05


def run() -> dict[str, Any]:
    """Train, and compare waiting with the epoch's wall time less validation."""
    from mqn.data.dataset import Dataset
    from mqn.data.pairs.evaluation import evaluation_pictures
    from mqn.data.pairs.training import TrainingPairs
    from mqn.data.preparation.prepare import prepare
    from mqn.families.mqn.arch import MQNArch
    from mqn.records import Training
    from mqn.train.loop import fit

    class Repeated(TrainingPairs):
        """An epoch that goes through the pictures several times, with other crops each time."""

        def __len__(self) -> int:
            return REPEATS * super().__len__()

        def pair(self, epoch: int, index: int) -> tuple[np.ndarray, np.ndarray, str]:
            turn, picture = divmod(index, super().__len__())
            return super().pair(epoch * REPEATS + turn, picture)

    shares: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        prepare(None, Path(folder) / "scenes")
        dataset = Dataset.open(Path(folder) / "scenes")
        pictures = evaluation_pictures(dataset, 256)[:1]
        for name, share in (("operators", 0.0), ("virtual", 1.0)):
            training = Training(lambda_features=0, epochs=2, virtual_camera=share)
            reports = []
            fit(
                MQNArch(encoder_weights="random"),
                training,
                Repeated(dataset, 256, 0, virtual_camera=share),
                pictures,
                Path(folder) / name,
                data="procedural",
                on_epoch=reports.append,
            )
            shares[name] = reports[-1].waited_seconds / reports[-1].seconds
    detail = {"share_waited": shares, "load_1m": os.getloadavg()[0], "processors": os.cpu_count()}
    return {"name": "waiting for pairs in training", "ratio": max(shares.values()), "limit": LIMIT, "detail": detail}


if __name__ == "__main__":
    print(run())
