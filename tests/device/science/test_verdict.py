from __future__ import annotations

import pytest
from tests.device.timed_results import make_part, make_timed

from mqn.device.science.verdict import judge
from mqn.records import MachineState


def state(frequency: float | None = None, temperature: float | None = None) -> MachineState:
    return MachineState(load_1m=0.0, frequency_mhz=frequency, temperature_c=temperature)


def verdict(*samples, threads=1, yardstick=None, **changes):
    passes = [make_timed(one, **changes) for one in samples] or [make_timed(**changes)]
    return judge(passes, threads=threads, yardstick=yardstick)


def test_steady_samples_on_a_machine_that_tells_nothing_are_ok() -> None:
    assert verdict() == ("ok", ())


def test_one_thread_that_waited_for_its_processor_is_contended() -> None:
    assert verdict(cpu_seconds=0.95)[0] == "ok"
    name, reasons = verdict(cpu_seconds=0.94)
    assert name == "contended"
    assert "cpu/wall 0.94" in reasons[0]


def test_a_thread_that_waits_for_its_gpu_is_not_contended() -> None:
    passes = [make_timed(cpu_seconds=0.1, others_seconds=0.0)]
    assert judge(passes, threads=1, elsewhere=True) == ("ok", ())
    assert judge(passes, threads=1)[0] == "contended"


def test_threads_that_wait_for_each_other_are_not_contended() -> None:
    assert verdict(threads=2, cpu_seconds=1.4, others_seconds=0.05) == ("ok", ())
    assert verdict(threads=2, cpu_seconds=1.4, waited_seconds=0.1) == ("ok", ())
    assert verdict(threads=2, cpu_seconds=1.4) == ("ok", ())


def test_threads_that_wait_for_a_processor_are_contended() -> None:
    name, reasons = verdict(threads=2, cpu_seconds=1.4, waited_seconds=0.2)
    assert name == "contended"
    assert reasons == ("waited for a processor 10% of the time (at most 5%)",)


def test_threads_without_processors_enough_are_contended() -> None:
    name, reasons = verdict(threads=2, cpu_seconds=2.0, others_seconds=0.5)
    assert name == "contended"
    assert reasons == ("others left 1.50 processors to 2 threads (at least 1.90)",)


def test_one_thread_does_not_mind_another_processors_work() -> None:
    assert verdict(others_seconds=1.0) == ("ok", ())
    assert verdict(others_seconds=1.1)[1] == ("others left 0.90 processors to 1 thread (at least 0.95)",)


def test_a_tick_of_others_beside_a_short_pass_is_nothing() -> None:
    assert verdict(wall_seconds=0.1, cpu_seconds=0.1, others_seconds=0.2, stolen_seconds=0.01) == ("ok", ())
    assert verdict(wall_seconds=0.1, cpu_seconds=0.1, waited_seconds=0.01)[0] == "contended"


def test_a_hypervisors_share_is_contention() -> None:
    assert verdict(stolen_seconds=0.05) == ("ok", ())
    assert verdict(stolen_seconds=0.06) == ("contended", ("a hypervisor took 6% of a processor (at most 5%)",))


def test_contention_is_that_of_all_processes_together() -> None:
    calm, busy = make_timed(cpu_seconds=1.0), make_timed(cpu_seconds=0.8)
    assert judge([calm, calm, calm, calm, busy], threads=1)[0] == "ok"
    assert judge([calm, busy], threads=1)[0] == "contended"


def test_a_machine_slower_than_its_best_is_contended() -> None:
    assert verdict(yardstick=1.10) == ("ok", ())
    name, reasons = verdict(yardstick=1.2)
    assert name == "contended"
    assert "20% slower than its best of late" in reasons[0]


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


def test_processes_that_differ_are_unsteady() -> None:
    assert verdict([1_000_000] * 10, [1_090_000] * 10)[0] == "ok"
    name, reasons = verdict([1_000_000] * 10, [1_150_000] * 10)
    assert name == "unsteady"
    assert reasons == ("p50 differs by 15% from process to process (at most 10%)",)


def test_outputs_that_differ_from_process_to_process_are_unsteady() -> None:
    other = make_timed(models=((make_part(output_sha256="1" * 64),),))
    assert judge([make_timed(), other], threads=1) == (
        "unsteady",
        ("2 different outputs in 2 processes for the same input",),
    )


def test_a_pair_is_judged_by_its_sum() -> None:
    # Backbone and head each swing by half, and make up for each other.
    backbone, head = [1_000_000, 2_000_000] * 50, [2_000_000, 1_000_000] * 50
    assert judge([make_timed(models=((make_part(backbone), make_part(head)),))], threads=1) == ("ok", ())


def test_a_falling_clock_is_throttled() -> None:
    assert verdict(before=state(2000), after=state(1800))[0] == "ok"
    name, reasons = verdict(before=state(2000), after=state(1500))
    assert name == "throttled"
    assert "2000 to 1500 MHz, 25%" in reasons[0]


def test_the_clock_is_watched_from_the_first_process_to_the_last() -> None:
    passes = [make_timed(before=state(2000), after=state(1850)), make_timed(before=state(1850), after=state(1700))]
    assert judge(passes, threads=1)[0] == "throttled"


def test_a_rising_clock_is_ok() -> None:
    assert verdict(before=state(800), after=state(2000))[0] == "ok"


def test_a_hot_machine_is_throttled() -> None:
    assert verdict(after=state(temperature=90))[0] == "ok"
    assert verdict(after=state(temperature=95)) == ("throttled", ("95 °C at the end (at most 90)",))


def test_the_gravest_verdict_comes_with_every_reason() -> None:
    samples = [1_000_000] * 50 + [2_000_000] * 50
    name, reasons = verdict(samples, cpu_seconds=0.5, before=state(2000), after=state(1000))
    assert name == "throttled"
    assert [reason.split()[0] for reason in reasons] == ["the", "cpu/wall", "p90", "the"]
