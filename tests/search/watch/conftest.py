from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.support.in_process_engine import InProcessEngine

from mqn.search.artifacts import ArtifactStore
from mqn.search.work.jobs import Job, Resources
from mqn.search.work.scheduler import Scheduler


class BusyEngine(InProcessEngine):
    """Nothing that it runs ever ends."""

    def wait(self, handles: Sequence[Hashable], timeout: float) -> list[Hashable]:
        return []


def nothing(folder: Path, **_: Any) -> dict[str, str]:
    return {}


@pytest.fixture
def job() -> Callable[..., Job]:
    def make(stage: str, number: int, *, cpus: float = 1, target: str | None = None) -> Job:
        inputs = {"number": number}
        return Job(stage=stage, inputs=inputs, function=nothing, resources=Resources(cpus=cpus), target=target)

    return make


@pytest.fixture
def busy(tmp_path: Path) -> Callable[..., Scheduler]:
    """Makes a scheduler whose jobs never end."""

    def make(cpus: float = 2, **options: Any) -> Scheduler:
        return Scheduler(ArtifactStore(tmp_path), BusyEngine(cpus), sleep=lambda _: None, **options)

    return make
