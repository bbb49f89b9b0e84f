"""One real MLflow database for the whole session, and a server that is not there."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.records import make_trial

from mqn.records import TrialRecord


@pytest.fixture(scope="session")
def uri(tmp_path_factory: pytest.TempPathFactory, tracking_database: Path) -> str:
    return f"sqlite:///{shutil.copy(tracking_database, tmp_path_factory.mktemp('mlflow'))}"


@pytest.fixture
def dead_uri() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    return f"http://127.0.0.1:{port}"


@pytest.fixture
def trial() -> Callable[..., TrialRecord]:
    def make(study: str, number: int, **changes: object) -> TrialRecord:
        values = {
            "figures": {"psnr_tm": 25.5},
            "device_figures": {"board": {"latency_ms": 7.25, "latency_ms.p90": 8.0, "peak_memory_mb": 12.0}},
            "verdicts": {"board": "ok"},
            "artifacts": {"train": "aa", "measure/board": "bb"},
            "violations": {"latency_ms <= 21": -13.75},
            "seconds": {"train": 2.0, "score": 1.0},
        }
        return make_trial(number, study=study, **{**values, **changes})

    return make


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.tflite"
    path.write_bytes(b"TFL3 model")
    return path
