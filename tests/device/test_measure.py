from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mqn.device.measure import compare, measure, profile
from mqn.device.pool.state_bounds import StateBounds
from mqn.errors import DeviceRestingError, MeasurementError, UnsteadyError
from mqn.records import Comparison, MachineState, Measurement, MeasureSettings, OpProfile, OpTime

FILES = [Path("model.tflite")]
OTHERS = [Path("other.tflite")]
COOL = MachineState(load_1m=0.1, frequency_mhz=None, temperature_c=40.0, battery_percent=80.0)


class FakeClient:
    """Answers with what it was given, one after the other; notes leases."""

    def __init__(self, answers: list[Any], states: list[MachineState] | None = None) -> None:
        self.left, self.states = list(answers), list(states or [])
        self.sent: list[Path] = []
        self.leases: list[str] = []
        self.held = False

    def send(self, files: list[Path]) -> None:
        assert not self.held
        self.sent += files

    def state(self) -> MachineState:
        assert self.held
        return self.states.pop(0)

    @contextlib.contextmanager
    def lease(self, holder: str, *, on_wait: Any = None) -> Iterator[FakeClient]:
        self.leases.append(holder)
        self.held = True
        yield self
        self.held = False

    def measure(self, files: list[Path], settings: MeasureSettings, on_state: Any = None) -> Any:
        assert files == FILES
        return self.left.pop(0)

    profile = measure

    def compare(self, files: list[Path], against: list[Path], settings: MeasureSettings, on_state: Any = None) -> Any:
        assert (files, against) == (FILES, OTHERS)
        return self.left.pop(0)


def run(measurements: list[Measurement], **settings: Any) -> tuple[Measurement, int]:
    client = FakeClient(measurements)
    found = measure(client, FILES, MeasureSettings(**settings), pauses_seconds=(0, 0))
    assert len(client.leases) == 1
    assert client.sent == FILES
    return found, len(measurements) - len(client.left)


def test_the_first_accepted_one_counts(make_measurement) -> None:
    good, bad = make_measurement(process_rounds=(11,)), make_measurement(verdict="contended")
    found, tries = run([bad, good, bad], attempts=3)
    assert (found.verdict, tries) == ("ok", 2)
    assert found.parts == good.parts


def test_what_arrives_is_analysed(make_measurement) -> None:
    found, _ = run([make_measurement(process_rounds=(6, 5))])
    assert found.latency_ms.p50_range.low <= found.latency_ms.p50 <= found.latency_ms.p50_range.high
    assert found.latency_ms.p90_range is not None


def test_the_settings_say_what_is_accepted(make_measurement) -> None:
    bad = make_measurement(verdict="unsteady", process_rounds=(11,))
    assert run([bad], accept=("ok", "unsteady"))[0].verdict == "unsteady"


def test_after_the_last_try_the_verdict_is_told(make_measurement) -> None:
    bad = make_measurement(verdict="contended", reasons=("cpu/wall 0.50",))
    with pytest.raises(
        MeasurementError, match=r"model\.tflite: measured as 'contended'.*cpu/wall 0\.50.*tried 3 times"
    ):
        run([bad] * 3, attempts=3)


@pytest.mark.parametrize("verdict", ["crashed", "timeout", "rejected"])
def test_the_models_own_doing_is_not_tried_again(make_measurement, verdict: Any) -> None:
    bad = make_measurement(verdict=verdict, latency_ms=None, reasons=("because",))
    for accept in (("ok",), ("ok", "crashed", "timeout", "rejected")):
        client = FakeClient([bad, bad])
        with pytest.raises(MeasurementError, match=f"'{verdict}'.*because"):
            measure(client, FILES, MeasureSettings(accept=accept))
        assert len(client.left) == 1


def test_every_try_keeps_the_bounds(make_measurement) -> None:
    warm = dataclasses.replace(COOL, temperature_c=46.0)
    client = FakeClient([make_measurement(verdict="contended")] * 2, [COOL, warm])
    bounds = StateBounds(name="phone", max_temperature_c=45.0)
    with pytest.raises(DeviceRestingError, match=r"device 'phone' is at 46 °C, above max_temperature_c = 45"):
        measure(client, FILES, MeasureSettings(), bounds=bounds, pauses_seconds=(0,))
    assert len(client.left) == 1


@pytest.mark.parametrize(
    ("bounds", "state", "words"),
    [
        ({"max_temperature_c": 40.0}, {}, None),
        ({"max_temperature_c": 30.0}, {"temperature_c": None}, None),
        ({"min_battery_percent": 80.0}, {}, None),
        ({"min_battery_percent": 81.0}, {}, r"has 80 % in its battery, below min_battery_percent = 81"),
        ({"min_battery_percent": 81.0}, {"battery_percent": None}, None),
        ({}, {"temperature_c": 99.0, "battery_percent": 1.0}, None),
    ],
)
def test_bounds(bounds: dict[str, float], state: dict[str, Any], words: str | None) -> None:
    expected = pytest.raises(DeviceRestingError, match=words) if words else contextlib.nullcontext()
    with expected:
        StateBounds(name="phone", **bounds).check(dataclasses.replace(COOL, **state))


@pytest.fixture
def comparison(make_measurement) -> Comparison:
    one = make_measurement(process_rounds=(6, 5))
    return Comparison(
        device=one.device,
        settings=one.settings,
        verdict="ok",
        reasons=(),
        first=one.parts,
        second=one.parts,
        process_rounds=(6, 5),
        cpu_wall_ratio=1.0,
        before=COOL,
        after=COOL,
        started_at=one.started_at,
    )


def test_a_model_does_not_differ_from_itself(comparison: Comparison) -> None:
    disturbed = dataclasses.replace(comparison, verdict="contended")
    client = FakeClient([disturbed, comparison])
    found = compare(client, FILES, OTHERS, MeasureSettings(), pauses_seconds=(0,))
    assert client.sent == [*FILES, *OTHERS]
    assert found.p50.value == 1.0
    assert not found.p50.different


def test_a_comparison_that_came_to_nothing_is_told(comparison: Comparison) -> None:
    crashed = dataclasses.replace(comparison, verdict="crashed", reasons=("killed by SIGSEGV",), second=())
    with pytest.raises(MeasurementError, match=r"model\.tflite against other\.tflite: measured as 'crashed'.*SIGSEGV"):
        compare(FakeClient([crashed]), FILES, OTHERS, MeasureSettings())


def test_a_profile(make_measurement) -> None:
    op = OpTime(part="model", index=0, kind="CONV_2D", delegated=True, mean_ms=1.0, share=1.0)
    one = make_measurement()
    good = OpProfile(
        device=one.device,
        settings=one.settings,
        verdict="ok",
        reasons=(),
        sha256=("0" * 64,),
        runs=3,
        ops=(op,),
        profiled_ms=1.0,
        started_at=one.started_at,
    )
    assert profile(FakeClient([good]), FILES, MeasureSettings()) == good
    bad = dataclasses.replace(good, verdict="rejected", reasons=("no profiler",), ops=(), profiled_ms=None)
    with pytest.raises(MeasurementError, match=r"'rejected'.*no profiler"):
        profile(FakeClient([bad]), FILES, MeasureSettings())


@pytest.mark.parametrize("verdict", ["contended", "unsteady", "throttled"])
def test_a_disturbed_machine_is_told_apart_and_its_figures_are_kept(verdict, make_measurement) -> None:
    bad = make_measurement(verdict=verdict, process_rounds=(6, 5))
    with pytest.raises(UnsteadyError) as raised:
        run([bad, bad], attempts=2)
    assert raised.value.measurement.verdict == verdict
    assert raised.value.measurement.latency_ms.p50_range is not None


@pytest.mark.parametrize("verdict", ["crashed", "timeout", "rejected"])
def test_a_model_that_does_not_run_is_not_the_machines_doing(verdict, make_measurement) -> None:
    bad = make_measurement(verdict=verdict)
    with pytest.raises(MeasurementError) as raised:
        run([bad])
    assert not isinstance(raised.value, UnsteadyError)
    assert raised.value.measurement == bad
