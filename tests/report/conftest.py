"""Trials made by hand: latency rises with width, accuracy with it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mqn.records import Candidate, TrialRecord
from mqn.search.goals import Objective


@pytest.fixture
def trial() -> Callable[..., TrialRecord]:
    def make(number: int, psnr: float, latency: float, values: dict | None = None, **changes: object) -> TrialRecord:
        made = {
            "state": "complete",
            "candidate": Candidate().with_values(values or {}),
            "figures": {"psnr_tm": psnr, "latency_ms": latency},
            "device_figures": {"board": {"latency_ms": latency, "latency_ms.p90": latency + 1, "peak_memory_mb": 10.0}},
            "verdicts": {"board": "ok"},
            "violations": {"latency_ms <= 21": latency - 21},
        }
        return TrialRecord(study="s", number=number, **{**made, **changes})

    return make


@pytest.fixture
def objectives() -> tuple[Objective, Objective]:
    return (Objective(metric="psnr_tm"), Objective(metric="latency_ms"))
