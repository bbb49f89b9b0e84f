"""What a model is said to take when it was measured beside the reference, whose turns are made up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.support.records import make_comparison, make_measurement

from mqn.device import pairing
from mqn.device.pairing import PAIRED, Paired, Reference, in_any_state, measure_paired, settle, write_reference
from mqn.device.science.figures import figures
from mqn.errors import UnsteadyError
from mqn.records import Comparison, Measurement, MeasureSettings, Range, Ratio

FILES, REFERENCE = [Path("model.tflite")], [Path("reference.tflite")]
KNOWN = Reference(p50=4.0, p90=5.0, low=3.9, high=4.1)


class Device:
    """Answers comparisons one after the other; a measurement alone is as busy as the machine is."""

    def __init__(self, *comparisons: Comparison, measurement: Measurement | None = None) -> None:
        self.left, self.asked = list(comparisons), []
        self.measurement = measurement or make_measurement(verdict="contended", reasons=("others ran",))

    def compare(self, _client: Any, first: Sequence[Path], second: Sequence[Path], settings: Any, **_: Any) -> Any:
        assert (first, second) == (REFERENCE, FILES)
        assert settings.accept == PAIRED
        self.asked.append((settings.processes, settings.seconds))
        return self.left.pop(0)

    def measure(self, _client: Any, _files: Sequence[Path], settings: Any, **_: Any) -> Measurement:
        assert settings.accept == PAIRED
        self.asked.append((settings.processes, settings.seconds))
        return self.measurement


def turns(value: float, reach: float) -> Comparison:
    slow = Ratio(
        value=1.1 * value, range=Range(low=1.05 * value, high=1.2 * value), confidence=0.99, different=value != 1
    )
    return make_comparison(value, value * (1 - reach), value * (1 + reach), p90=slow, verdict="contended")


def measure(monkeypatch: pytest.MonkeyPatch, device: Device, **settings: Any) -> Paired:
    monkeypatch.setattr(pairing, "compare", device.compare)
    monkeypatch.setattr(pairing, "measure", device.measure)
    return measure_paired(None, FILES, REFERENCE, KNOWN, MeasureSettings(**settings))


def test_a_latency_is_the_ratio_times_what_the_reference_takes(monkeypatch):
    alone = make_measurement("backbone", "head", verdict="contended")
    found = measure(monkeypatch, Device(turns(0.5, 0.02), measurement=alone)).measurement
    told = figures(found)  # It counts, though only `ok` is accepted.
    assert told["latency_ms"] == pytest.approx(2.0)
    # 2 % by its own processes and 2.5 % by the machine's state are 3.2 % together.
    assert (told["latency_ms.p50_low"], told["latency_ms.p50_high"]) == pytest.approx((1.937, 2.064), abs=1e-3)
    assert told["latency_ms.p90"] == pytest.approx(0.55 * 5.0)
    # Parts share the whole as they did alone; samples stay as they were.
    share = alone.parts[0].latency_ms.p50 / alone.latency_ms.p50
    assert told["latency_ms.backbone"] == pytest.approx(2.0 * share)
    assert found.parts[0].samples_ns == alone.parts[0].samples_ns
    assert told["peak_memory_mb"] == 10.0
    assert (found.verdict, found.settings) == ("ok", MeasureSettings())
    assert found.reasons == ("0.5 of the reference's time in turns (0.4842 to 0.5162), and that was 4 ms",)


def test_no_range_is_narrower_than_the_machines_state_allows():
    exact = Ratio(value=2.0, range=Range(low=2.0, high=2.0), confidence=0.99, different=True)
    found = in_any_state(exact)
    assert (found.low, found.high) == pytest.approx((2 / 1.0253, 2 * 1.0253), rel=1e-3)


def test_an_erratic_machine_costs_more_processes(monkeypatch):
    device = Device(turns(0.5, 0.2), turns(0.52, 0.06), turns(0.51, 0.03))
    assert measure(monkeypatch, device, processes=4, seconds=1.0).measurement.latency_ms.p50 == pytest.approx(2.04)
    assert device.asked == [(4, 1.0), (8, 2.0), (16, 4.0), (4, 1.0)]


def test_what_stays_unknown_is_no_latency(monkeypatch):
    with pytest.raises(UnsteadyError, match=r"model\.tflite: in turns .* known to 9 % only after 2 tries; 5 % count"):
        measure(monkeypatch, Device(turns(0.5, 0.2), turns(0.5, 0.09)), attempts=2)


def test_no_more_processes_are_asked_for_than_a_device_takes(monkeypatch):
    device = Device(turns(0.5, 0.2), turns(0.5, 0.1), turns(0.5, 0.02))
    measure(monkeypatch, device, processes=8, seconds=1.0)
    assert device.asked[:3] == [(8, 1.0), (16, 2.0), (20, 4.0)]


def test_the_reference_is_found_out_over_many_processes(monkeypatch):
    device = Device()
    monkeypatch.setattr(pairing, "measure", device.measure)
    found = settle(None, REFERENCE, MeasureSettings())
    latency = device.measurement.latency_ms
    assert (found.p50, found.p90) == (latency.p50, latency.p90)
    assert (found.low, found.high) == (latency.p50_range.low, latency.p50_range.high)
    assert device.asked == [(16, 2.0)]


def test_the_reference_is_the_same_file_everywhere(tmp_path):
    (tmp_path / "again").mkdir()
    first, again = write_reference(tmp_path), write_reference(tmp_path / "again")
    assert [file.name for file in first] == ["reference.float32.tflite", "reference.int8.tflite"]
    assert [file.read_bytes() for file in first] == [file.read_bytes() for file in again]
