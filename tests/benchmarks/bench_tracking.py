"""What a trial's logging costs the study's own thread, against logging the same run through MLflow directly."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from mqn.records import TrialRecord
from mqn.track.connection import connect
from mqn.track.entries import trial_entry
from mqn.track.sending.sender import Sender
from mqn.track.tracker import Tracker
from tests.support.records import make_trial

TRIALS, EPOCHS = 30, 20
CURVE = ("loss", "l1", "l2", "cosine", "features", "val_loss", "val_psnr_tm", "learning_rate")


def run() -> dict[str, Any]:
    """Log the same trials both ways into fresh SQLite databases; the median of each."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        model = folder / "model.tflite"
        model.write_bytes(bytes(1_000_000))
        curves = [{"epoch": epoch, **dict.fromkeys(CURVE, 1.0)} for epoch in range(EPOCHS)]

        sender = Sender(f"sqlite:///{folder}/direct.db")
        direct = []
        for number in range(TRIALS):
            began = time.perf_counter()
            entry = trial_entry(str(number), _trial(number), curves=curves, tags={}, artifacts={"model": model})
            sender.send(entry)
            direct.append(time.perf_counter() - began)

        spooled = []
        with Tracker(f"sqlite:///{folder}/spooled.db", folder / "spool") as tracker:
            tracker.open_study("bench", {}, {})
            tracker.flush()
            for number in range(TRIALS):
                began = time.perf_counter()
                tracker.log_trial(_trial(number), curves=curves, artifacts={"model": model})
                spooled.append(time.perf_counter() - began)
        client = connect(f"sqlite:///{folder}/spooled.db")
        runs = client.search_runs([client.get_experiment_by_name("bench").experiment_id])
    assert len(runs) == TRIALS + 1
    # The first run of each opens the database's experiment.
    direct_ms, spooled_ms = (1000 * statistics.median(times[1:]) for times in (direct, spooled))
    return {
        "name": "a trial logged: the study's own time, spooled against direct",
        "ratio": spooled_ms / direct_ms,
        "limit": 0.2,
        "detail": {"direct_ms": direct_ms, "spooled_ms": spooled_ms, "trials": TRIALS, "epochs": EPOCHS},
    }


def _trial(number: int) -> TrialRecord:
    figures = {"psnr_tm": 25.0, "latency_ms": 7.0, "size_bytes": 1e6}
    return make_trial(number, study="bench", figures=figures)


if __name__ == "__main__":
    print(run())
