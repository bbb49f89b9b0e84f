from __future__ import annotations

import pytest

from mqn.device.science.verdict import judge
from mqn.records import MachineState

UNREAD = MachineState(load_1m=None, frequency_mhz=None, temperature_c=None)
STEADY = [1_000_000] * 100


def state(frequency: float | None = None, temperature: float | None = None) -> MachineState:
    return MachineState(load_1m=0.0, frequency_mhz=frequency, temperature_c=temperature)


def verdict(samples=STEADY, *, threads=1, ratio=1.0, free=None, before=UNREAD, after=UNREAD):
    return judge(samples, threads=threads, cpu_wall_ratio=ratio, free_processors=free, before=before, after=after)


def test_steady_samples_on_a_machine_that_tells_nothing_are_ok() -> None:
    assert verdict() == ("ok", ())


def test_one_thread_that_waited_for_its_processor_is_contended() -> None:
    assert verdict(ratio=0.95)[0] == "ok"
    name, reasons = verdict(ratio=0.94)
    assert name == "contended"
    assert "cpu/wall 0.94" in reasons[0]


def test_threads_that_wait_for_each_other_are_not_contended() -> None:
    assert verdict(threads=2, ratio=0.7, free=1.95) == ("ok", ())
    assert verdict(threads=2, ratio=0.7, free=None) == ("ok", ())


def test_threads_without_processors_enough_are_contended() -> None:
    name, reasons = verdict(threads=2, ratio=1.0, free=1.5)
    assert name == "contended"
    assert reasons == ("others left 1.50 processors to 2 threads (at least 1.90)",)


def test_a_wide_spread_is_unsteady() -> None:
    # Of 100 samples a fifth takes 1.3 ms: p50 is 1 ms and p90 1.3 ms, in both halves alike.
    name, reasons = verdict(([1_000_000] * 4 + [1_300_000]) * 20)
    assert name == "unsteady"
    assert reasons == ("p90 is 30% above p50 (at most 25%)",)


def test_a_few_outliers_are_ok() -> None:
    assert verdict(([1_000_000] * 19 + [9_000_000]) * 5) == ("ok", ())


@pytest.mark.parametrize(("second", "words"), [(1_200_000, "+20%"), (800_000, "-20%")])
def test_a_drift_either_way_is_unsteady(second: int, words: str) -> None:
    name, reasons = verdict([1_000_000] * 50 + [second] * 50)
    assert name == "unsteady"
    assert words in reasons[0]


def test_too_few_samples_do_not_drift() -> None:
    assert verdict([1_000_000] * 5 + [1_200_000] * 5)[0] == "ok"


def test_a_falling_clock_is_throttled() -> None:
    assert verdict(before=state(2000), after=state(1800))[0] == "ok"
    name, reasons = verdict(before=state(2000), after=state(1500))
    assert name == "throttled"
    assert "2000 to 1500 MHz, 25%" in reasons[0]


def test_a_rising_clock_is_ok() -> None:
    assert verdict(before=state(800), after=state(2000))[0] == "ok"


def test_a_hot_machine_is_throttled() -> None:
    assert verdict(after=state(temperature=90))[0] == "ok"
    assert verdict(after=state(temperature=95)) == ("throttled", ("95 °C at the end (at most 90)",))


def test_the_gravest_verdict_comes_with_every_reason() -> None:
    name, reasons = verdict([1_000_000] * 50 + [2_000_000] * 50, ratio=0.5, before=state(2000), after=state(1000))
    assert name == "throttled"
    assert [reason.split()[0] for reason in reasons] == ["the", "cpu/wall", "p90", "the"]
