from __future__ import annotations

import hashlib
import os

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from tests.support.tflite_models import convolutions

from mqn.device.bench.loading import SEED
from mqn.device.bench.timed import Clock, Samples, is_settled, processor_times
from mqn.device.passes import PassRequest
from mqn.records import MeasureSettings

pytestmark = pytest.mark.integration  # Models run in processes of their own.

READING_NS = 100_000
"""Processor time is read around the time on the wall, and reading takes some itself."""


def test_a_timed_pass(run_pass) -> None:
    timed = run_pass("timed", convolutions(8, 3)).timed
    ((part,),) = timed.models
    assert len(part.samples_ns) == 5
    assert min(part.samples_ns) > 0
    assert sum(part.samples_ns) / 1e9 <= timed.wall_seconds
    assert part.delegation.partitions == 1
    assert timed.affinity
    assert 0 < timed.yardstick_ns[0] <= timed.yardstick_ns[1]


def test_a_pair_is_timed_in_rounds(run_pass) -> None:
    ((backbone, head),) = run_pass("timed", (convolutions(8, 3), convolutions(8, 4))).timed.models
    assert [len(part.samples_ns) for part in (backbone, head)] == [5, 5]
    assert backbone.output_sha256 != head.output_sha256


@pytest.mark.parametrize("swapped", [False, True])
def test_two_models_keep_their_places_whoever_runs_first(run_pass, swapped: bool) -> None:
    first, second = run_pass("timed", convolutions(8, 3), (convolutions(8, 4), convolutions(8, 5)), swapped=swapped)\
        .timed.models  # fmt: skip
    assert [len(first), len(second)] == [1, 2]
    assert first[0].output_sha256 == run_pass("timed", convolutions(8, 3)).timed.models[0][0].output_sha256


def test_processor_time_is_told_of_two_models_in_one_thread_each(run_pass) -> None:
    models = convolutions(8, 3), (convolutions(8, 4), convolutions(8, 5))
    (one,), two = run_pass("timed", *models).timed.models
    for part in (one, *two):
        assert len(part.cpu_ns) == len(part.samples_ns)
        assert min(np.subtract(part.samples_ns, part.cpu_ns)) > -READING_NS
    for other in (run_pass("timed", *models, threads=2), run_pass("timed", models[0])):
        assert not any(part.cpu_ns for parts in other.timed.models for part in parts)


@pytest.mark.parametrize("cpu", [[0, 1_234_567], [1_000_000, 10_000_000]])
def test_a_clock_that_counts_ticks_tells_nothing(cpu: list[int]) -> None:
    request = PassRequest(kind="timed", models=((), ()), settings=MeasureSettings())
    assert processor_times(Samples([5, 5], [1_234_567, 1_000_000]), request) == (1_234_567, 1_000_000)
    assert processor_times(Samples([5, 5], cpu), request) == ()


class Noted:
    def __init__(self, name: str, notes: list[str]) -> None:
        self._name, self._notes = name, notes

    def invoke(self) -> None:
        self._notes.append(self._name)


def test_models_take_turns_in_being_first() -> None:
    notes: list[str] = []
    clock = Clock({(0, 0): Noted("A", notes), (1, 0): Noted("B", notes)}, [[(0, 0), (1, 0)], [(1, 0), (0, 0)]])
    samples = clock.sample(runs=4, seconds=0)
    assert "".join(notes) == "ABBAABBA"
    assert [(len(own.wall), len(own.cpu)) for own in samples.values()] == [(4, 4), (4, 4)]


def test_a_limit_ends_rounds_early() -> None:
    notes: list[str] = []
    clock = Clock({(0, 0): Noted("A", notes)}, [[(0, 0)]])
    clock.sample(runs=1000, seconds=1000, limit_seconds=0)
    assert notes == ["A"]


def test_runs_go_on_until_the_time_is_over(run_pass) -> None:
    timed = run_pass("timed", convolutions(8, 3), runs=1, seconds=0.05).timed
    assert len(timed.models[0][0].samples_ns) > 1
    assert timed.wall_seconds >= 0.05


@pytest.mark.parametrize(
    ("medians", "settled"),
    [
        ([1.0, 1.0], False),
        ([1.0, 1.0, 1.0], True),
        ([1.0, 1.02, 1.025], True),
        ([1.0, 1.02, 1.03], False),
        ([9.0, 1.0, 1.0, 1.0], True),
        ([1.0, 1.0, 1.0, 9.0], False),
    ],
)
def test_times_have_settled_when_three_windows_agree(medians: list[float], settled: bool) -> None:
    assert is_settled(medians) is settled


def test_the_output_is_that_of_the_seeded_input(run_pass) -> None:
    model = convolutions(8, 3)
    ((part,),) = run_pass("timed", model).timed.models
    interpreter = Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    values = np.random.default_rng(SEED).random((1, 8, 8, 3), dtype=np.float32)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values)
    interpreter.invoke()
    output = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    assert part.output_sha256 == hashlib.sha256(output.tobytes()).hexdigest()


def test_a_pass_runs_where_it_is_told(run_pass) -> None:
    last = max(os.sched_getaffinity(0))
    assert run_pass("timed", convolutions(8, 3), processors=(last,)).timed.affinity == (last,)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "bool"])
def test_inputs_of_other_kinds_are_made_up_too(run_pass, dtype: str) -> None:
    assert run_pass("timed", convolutions(8, 3, dtype=dtype)).failure is None


def test_inputs_that_cannot_be_made_up_are_rejected(run_pass) -> None:
    failure = run_pass("timed", convolutions(8, 3, dtype="complex64")).failure
    assert failure.verdict == "rejected"
    assert "'input' is complex64" in failure.reason


@pytest.mark.parametrize("kind", ["timed", "memory", "profile"])
def test_damaged_files_are_rejected(run_pass, kind: str) -> None:
    model = convolutions(8, 3)
    for damaged in (b"", b"text", model[: len(model) // 2]):
        failure = run_pass(kind, damaged).failure
        assert failure.verdict == "rejected"
        assert failure.reason.startswith("model cannot be loaded: ")


def test_a_damaged_part_is_named(run_pass) -> None:
    failure = run_pass("timed", (convolutions(8, 3), b"text")).failure
    assert failure.reason.startswith("head cannot be loaded: ")


def test_of_two_models_the_damaged_one_is_named(run_pass) -> None:
    failure = run_pass("timed", convolutions(8, 3), b"text").failure
    assert failure.reason.startswith("the second model: model cannot be loaded: ")


@pytest.mark.parametrize("kind", ["timed", "memory", "profile"])
def test_a_huge_model_stays_within_its_memory(run_pass, kind: str) -> None:
    # 20000 x 20000 floats are 1.6 GB.
    failure = run_pass(kind, convolutions(20_000, 1), memory_limit_mb=500).failure
    assert failure is not None
    assert failure.verdict in ("rejected", "crashed")
