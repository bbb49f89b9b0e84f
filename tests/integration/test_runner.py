"""The C runner against the Python bench: the same noise, so the same outputs, for every kind of input."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.tflite_models import convolutions

from mqn.device.backends.contract import Backend
from mqn.device.backends.local.backend import LocalBackend
from mqn.device.backends.local.isolation import KillSwitch
from mqn.device.backends.shell.backend import RunnerBackend
from mqn.device.backends.shell.loopback import HereShell
from mqn.device.passes import PassFile, PassRequest, TimedPart
from mqn.records import MeasureSettings

pytestmark = pytest.mark.integration

# 49 values: not a multiple of the four bytes that the generator gives at a time.
SIZE, CHANNELS = 7, 1
ONCE = MeasureSettings(runs=1, seconds=0, warmup_seconds=0, warmup_limit_seconds=0)


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunnerBackend]:
    folder = tmp_path_factory.mktemp("runner")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MQN_HOME", str(folder / "home"))
        backend = RunnerBackend(HereShell(folder / "device", folder))
        backend.describe()
        yield backend


def _time(backend: Backend, model: Path, folder: Path) -> TimedPart:
    folder.mkdir()
    request = PassRequest(kind="timed", models=((PassFile(part="model", name="m.tflite"),),), settings=ONCE)
    result = backend.run(request, {"m.tflite": model}, folder, KillSwitch())
    assert result.timed is not None, result.failure
    return result.timed.models[0][0]


@pytest.mark.parametrize(
    "dtype", ["float32", "float16", "float64", "bool", "int8", "uint8", "int16", "int32", "uint32", "int64"]
)
def test_outputs_are_equal(runner: RunnerBackend, tmp_path: Path, dtype: str) -> None:
    model = tmp_path / "model.tflite"
    model.write_bytes(convolutions(SIZE, CHANNELS, dtype=dtype))
    ours, theirs = _time(runner, model, tmp_path / "a"), _time(LocalBackend(), model, tmp_path / "b")
    assert ours.output_sha256 == theirs.output_sha256
    assert ours.delegation == theirs.delegation


def test_input_that_cannot_be_made_up_is_named(runner: RunnerBackend, tmp_path: Path) -> None:
    model = tmp_path / "model.tflite"
    model.write_bytes(convolutions(SIZE, CHANNELS, dtype="complex64"))
    request = PassRequest(kind="timed", models=((PassFile(part="model", name="m.tflite"),),), settings=ONCE)
    failure = runner.run(request, {"m.tflite": model}, tmp_path, KillSwitch()).failure
    assert failure is not None
    assert failure.verdict == "rejected"
    assert "only numbers and booleans" in failure.reason
