from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mqn.device.science.figures import summarise
from mqn.device.science.intervals import analyse, analyse_comparison, find_range, student_quantile
from mqn.records import Comparison, MachineState, MeasureSettings, Range


@pytest.mark.parametrize(
    ("confidence", "freedom", "expected"),
    [
        (0.95, 1, 12.7062),
        (0.95, 2, 4.3027),
        (0.99, 2, 9.9248),
        (0.99, 5, 4.0321),
        (0.95, 10, 2.2281),
        (0.99, 19, 2.8609),
    ],
)
def test_students_t_is_that_of_the_tables(confidence: float, freedom: int, expected: float) -> None:
    assert student_quantile(confidence, freedom) == pytest.approx(expected, abs=1e-4)


def draw(generator: np.random.Generator, processes: int, count: int, *, between: float, within: float) -> list[int]:
    """Samples around 1 ms: each process off by `between`, neighbours alike by 0.7, each off by `within`."""
    found = []
    for _ in range(processes):
        noise = generator.normal(0, within * np.sqrt(1 - 0.7**2), count)
        noise[0] = generator.normal(0, within)
        for index in range(1, count):
            noise[index] += 0.7 * noise[index - 1]
        found.append(np.exp(generator.normal(0, between) + noise) * 1e6)
    return [int(sample) for sample in np.concatenate(found)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("processes", "count", "between", "within"),
    [(3, 60, 0.01, 0.02), (3, 60, 0.0, 0.02), (8, 30, 0.01, 0.01)],
)
def test_the_range_of_p50_holds_the_truth_as_often_as_it_says(
    processes: int, count: int, between: float, within: float
) -> None:
    generator = np.random.default_rng(7)
    held, tries = 0, 150
    for _ in range(tries):
        samples = draw(generator, processes, count, between=between, within=within)
        found = find_range(samples, [count] * processes, 0.5, float(np.median(samples)) / 1e6)
        held += found.low <= 1.0 <= found.high
    # Of 150 ranges of 95 %, 137 or more hold the truth in 96 of 100 worlds.
    assert held >= 137


@pytest.mark.slow
def test_the_range_of_p90_holds_the_truth_nearly_as_often() -> None:
    generator = np.random.default_rng(11)
    truth = np.exp(1.2816 * np.hypot(0.01, 0.02))
    held, tries = 0, 150
    for _ in range(tries):
        samples = draw(generator, 3, 60, between=0.01, within=0.02)
        found = find_range(samples, [60] * 3, 0.9, float(np.quantile(samples, 0.9)) / 1e6)
        held += found.low <= truth <= found.high
    assert held >= 132


def test_a_range_is_the_same_every_time() -> None:
    samples = draw(np.random.default_rng(3), 3, 50, between=0.01, within=0.02)
    assert find_range(samples, [50] * 3, 0.5, 1.0) == find_range(samples, [50] * 3, 0.5, 1.0)


def test_constant_times_have_a_range_of_one_point() -> None:
    assert find_range([1_000_000] * 30, [10, 20], 0.5, 1.0) == Range(low=1.0, high=1.0)


def test_a_single_sample_from_each_process_will_do() -> None:
    found = find_range([1_000_000, 1_010_000], [1, 1], 0.5, 1.005)
    assert found.low < 1.0 < 1.01 < found.high


@pytest.fixture
def measure(make_measurement):
    def make(centre_ns: float, parts: tuple[str, ...] = ("model",), *, spread: float = 0.002, seed: int = 0):
        generator = np.random.default_rng(seed)
        samples = tuple(int(x) for x in centre_ns * np.exp(generator.normal(0, spread, 90)))
        bare = make_measurement(parts, process_rounds=(30, 30, 30))
        measured = tuple(
            dataclasses.replace(part, samples_ns=samples, latency_ms=summarise(samples)) for part in bare.parts
        )
        total = summarise([sample * len(parts) for sample in samples])
        return dataclasses.replace(bare, parts=measured, latency_ms=total)

    return make


def test_the_whole_and_every_part_get_ranges(measure) -> None:
    found = analyse(measure(1e6, ("backbone", "head")))
    for latency in (found.latency_ms, *(part.latency_ms for part in found.parts)):
        assert latency.p50_range.low < latency.p50 < latency.p50_range.high
        assert latency.p90_range.low < latency.p90 < latency.p90_range.high
    assert found.latency_ms.p50_range.low == pytest.approx(2 * found.parts[0].latency_ms.p50_range.low)


def test_one_process_tells_nothing_of_the_next(measure) -> None:
    single = dataclasses.replace(measure(1e6), process_rounds=(90,))
    assert analyse(single) == single


def test_what_was_not_timed_has_no_range(make_measurement) -> None:
    failed = make_measurement(verdict="crashed", latency_ms=None, parts=(), process_rounds=())
    assert analyse(failed) == failed


CALM = MachineState(load_1m=0.0, frequency_mhz=None, temperature_c=None)


@pytest.fixture
def compare(make_measurement, info):
    def make(ratio: float, *, seed: int = 0, processes: int = 8, between: float = 0.004) -> Comparison:
        """Two models that a process slows alike by some percent, and each by itself by `between`."""
        generator = np.random.default_rng(seed)
        first, second = [], []
        for _ in range(processes):
            common = generator.normal(0, 0.05)
            for samples, factor in ((first, 1.0), (second, ratio)):
                own = common + generator.normal(0, between / np.sqrt(2))
                samples += [int(x) for x in 1e6 * factor * np.exp(own + generator.normal(0, 0.01, 40))]
        (part,) = make_measurement().parts
        return Comparison(
            device=info,
            settings=MeasureSettings(),
            verdict="ok",
            reasons=(),
            first=(dataclasses.replace(part, samples_ns=tuple(first)),),
            second=(dataclasses.replace(part, samples_ns=tuple(second)),),
            process_rounds=(40,) * processes,
            cpu_wall_ratio=1.0,
            before=CALM,
            after=CALM,
            started_at="2026-01-01T00:00:00.000+00:00",
        )

    return make


@pytest.mark.slow
def test_three_percent_more_is_told_and_a_model_from_itself_is_not(compare) -> None:
    more = [analyse_comparison(compare(1.03, seed=seed)).p50 for seed in range(40)]
    same = [analyse_comparison(compare(1.0, seed=seed)).p50 for seed in range(40)]
    assert sum(ratio.different for ratio in more) >= 39
    assert sum(ratio.different for ratio in same) <= 1
    assert np.mean([ratio.value for ratio in more]) == pytest.approx(1.03, abs=0.002)


def test_a_ratio_says_what_it_rests_on(compare) -> None:
    found = analyse_comparison(compare(1.5))
    for ratio in (found.p50, found.p90):
        assert ratio.range.low < ratio.value < ratio.range.high
        assert (ratio.confidence, ratio.different) == (0.99, True)


def test_a_ratio_is_that_of_processor_times_where_all_parts_have_them(compare) -> None:
    waiting, fast = compare(2.0), compare(1.5)
    cpu = {side: getattr(fast, side)[0].samples_ns for side in ("first", "second")}
    sides = {side: (dataclasses.replace(getattr(waiting, side)[0], cpu_ns=cpu[side]),) for side in cpu}
    assert analyse_comparison(dataclasses.replace(waiting, **sides)).p50 == analyse_comparison(fast).p50
    half = dataclasses.replace(waiting, first=sides["first"])
    assert analyse_comparison(half).p50 == analyse_comparison(waiting).p50


def test_the_other_way_round_is_the_inverse(compare) -> None:
    there = compare(1.03)
    back = dataclasses.replace(there, first=there.second, second=there.first)
    ratios = [analyse_comparison(one).p50 for one in (there, back)]
    assert ratios[0].value * ratios[1].value == pytest.approx(1)
    assert ratios[0].range.low * ratios[1].range.high == pytest.approx(1)


def test_a_comparison_in_one_process_has_no_ratio(compare) -> None:
    assert analyse_comparison(compare(1.5, processes=1)).p50 is None


def test_a_comparison_that_failed_has_no_ratio(compare) -> None:
    failed = dataclasses.replace(compare(1.0), verdict="crashed", first=(), second=(), process_rounds=())
    assert analyse_comparison(failed) == failed
