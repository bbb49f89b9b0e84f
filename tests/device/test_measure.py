from __future__ import annotations

from pathlib import Path

import pytest

from mqn.device.measure import measure
from mqn.errors import MeasurementError
from mqn.records import Measurement, MeasureSettings

FILES = [Path("model.tflite")]


class FakeClient:
    def __init__(self, measurements: list[Measurement]) -> None:
        self.left = list(measurements)

    def measure(self, files, settings, on_state=None) -> Measurement:
        assert files == FILES
        return self.left.pop(0)


def run(measurements: list[Measurement], **settings: object) -> tuple[Measurement, int]:
    client = FakeClient(measurements)
    found = measure(client, FILES, MeasureSettings(**settings), pauses_seconds=(0, 0))
    return found, len(measurements) - len(client.left)


def test_the_first_accepted_one_counts(make_measurement) -> None:
    good, bad = make_measurement(), make_measurement(verdict="contended")
    assert run([bad, good, bad], attempts=3) == (good, 2)


def test_the_settings_say_what_is_accepted(make_measurement) -> None:
    bad = make_measurement(verdict="unsteady")
    assert run([bad], accept=("ok", "unsteady")) == (bad, 1)


def test_after_the_last_try_the_verdict_is_told(make_measurement) -> None:
    bad = make_measurement(verdict="contended", reasons=("cpu/wall 0.50",))
    with pytest.raises(
        MeasurementError, match=r"model\.tflite: measured as 'contended'.*cpu/wall 0\.50.*after 3 tries"
    ):
        run([bad] * 3, attempts=3)


@pytest.mark.parametrize("verdict", ["crashed", "timeout", "rejected"])
def test_the_models_own_doing_is_not_tried_again(make_measurement, verdict: str) -> None:
    bad = make_measurement(verdict=verdict, latency_ms=None, reasons=("because",))
    client = FakeClient([bad, bad])
    with pytest.raises(MeasurementError, match=f"'{verdict}'.*because"):
        measure(client, FILES, MeasureSettings(accept=("ok", "crashed", "timeout", "rejected")))
    assert len(client.left) == 1
