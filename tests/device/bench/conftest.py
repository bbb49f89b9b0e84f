"""The bench as the subprocess that it is, on models of a few operations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mqn.device.backends.local.backend import LocalBackend
from mqn.device.backends.local.isolation import KillSwitch
from mqn.device.passes import PassFile, PassRequest, PassResult
from mqn.records import MeasureSettings

QUICK = {"runs": 5, "seconds": 0.0, "warmup_seconds": 0.0, "timeout_seconds": 60.0}


@pytest.fixture
def run_pass(tmp_path: Path) -> Callable[..., PassResult]:
    """Each model is one file's bytes, or a pair of them."""

    def run(kind: str, *models: bytes | tuple[bytes, bytes], swapped: bool = False, **settings: object) -> PassResult:
        named, paths = [], {}
        for number, model in enumerate(models):
            parts = {"backbone": model[0], "head": model[1]} if isinstance(model, tuple) else {"model": model}
            for part, content in parts.items():
                path = tmp_path / f"{number}-{part}"
                path.write_bytes(content)
                paths[path.name] = path
            named.append(tuple(PassFile(part=part, name=f"{number}-{part}") for part in parts))
        request = PassRequest(
            kind=kind, models=tuple(named), settings=MeasureSettings(**{**QUICK, **settings}), swapped=swapped
        )
        folder = tmp_path / "pass"
        folder.mkdir(exist_ok=True)
        for left in folder.iterdir():
            left.unlink()
        return LocalBackend().run(request, paths, folder, KillSwitch())

    return run
