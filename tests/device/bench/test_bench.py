"""The bench itself, as the subprocess that it is, on models of a few operations."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from tests.tflite_models import convolutions

from mqn.device import bench
from mqn.device.backends.isolation import KillSwitch, run_isolated
from mqn.device.passes import REQUEST_FILE, RESULT_FILE, PassFile, PassRequest, PassResult
from mqn.parsing import read_json, write_json
from mqn.records import MeasureSettings

QUICK = {"runs": 5, "seconds": 0.0, "warmup_seconds": 0.0, "timeout_seconds": 60.0}


def run(folder: Path, kind: str, *models: bytes, **settings: object) -> PassResult:
    files = []
    for number, model in enumerate(models):
        (folder / f"{number}.tflite").write_bytes(model)
        part = "model" if len(models) == 1 else ("backbone", "head")[number]
        files.append(PassFile(part=part, name=f"{number}.tflite"))
    request = PassRequest(kind=kind, files=tuple(files), settings=MeasureSettings(**{**QUICK, **settings}))
    write_json(folder / REQUEST_FILE, request)
    ending = run_isolated(folder, 60, KillSwitch())
    assert ending.returncode == 0, ending.description
    return read_json(PassResult, folder / RESULT_FILE)


def test_a_timed_pass(tmp_path: Path) -> None:
    timed = run(tmp_path, "timed", convolutions(8, 3)).timed
    (part,) = timed.parts
    assert len(part.samples_ns) == 5
    assert min(part.samples_ns) > 0
    assert sum(part.samples_ns) / 1e9 <= timed.wall_seconds
    assert part.partitions == 1
    assert timed.affinity


def test_a_pair_is_timed_in_rounds(tmp_path: Path) -> None:
    timed = run(tmp_path, "timed", convolutions(8, 3), convolutions(8, 4)).timed
    assert [len(part.samples_ns) for part in timed.parts] == [5, 5]
    assert timed.parts[0].output_sha256 != timed.parts[1].output_sha256


def test_runs_go_on_until_the_time_is_over(tmp_path: Path) -> None:
    timed = run(tmp_path, "timed", convolutions(8, 3), runs=1, seconds=0.05).timed
    assert len(timed.parts[0].samples_ns) > 1
    assert timed.wall_seconds >= 0.05


def test_the_output_is_that_of_the_seeded_input(tmp_path: Path) -> None:
    model = convolutions(8, 3)
    timed = run(tmp_path, "timed", model).timed
    interpreter = Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    values = np.random.default_rng(bench.SEED).random((1, 8, 8, 3), dtype=np.float32)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values)
    interpreter.invoke()
    output = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    assert timed.parts[0].output_sha256 == hashlib.sha256(output.tobytes()).hexdigest()


def test_without_a_delegate_there_are_no_partitions(tmp_path: Path) -> None:
    assert run(tmp_path, "timed", convolutions(8, 3), delegate="none").timed.parts[0].partitions == 0


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "bool"])
def test_inputs_of_other_kinds_are_made_up_too(tmp_path: Path, dtype: str) -> None:
    assert run(tmp_path, "timed", convolutions(8, 3, dtype=dtype)).failure is None


def test_inputs_that_cannot_be_made_up_are_rejected(tmp_path: Path) -> None:
    failure = run(tmp_path, "timed", convolutions(8, 3, dtype="complex64")).failure
    assert failure.verdict == "rejected"
    assert "'input' is complex64" in failure.reason


def test_a_memory_pass_sees_the_models_tensors(tmp_path: Path) -> None:
    # A picture of 512 x 512 x 8 floats is 8.4 MB: the model holds at least input and output.
    memory = run(tmp_path, "memory", convolutions(512, 8, kernel=1)).memory
    if memory.peak_mb is None:
        pytest.skip(f"this kernel does not tell: {memory.method}")
    assert memory.peak_mb > 2 * 512 * 512 * 8 * 4 / 1e6
    assert memory.baseline_mb > 1


def test_memory_that_the_start_took_is_none_of_the_models(tmp_path: Path) -> None:
    memory = run(tmp_path, "memory", convolutions(8, 3)).memory
    if memory.method != bench.PEAK_RESET:
        pytest.skip("this kernel does not let a process write to /proc/self/clear_refs")
    assert memory.peak_mb < 5


@pytest.mark.parametrize("kind", ["timed", "memory"])
def test_damaged_files_are_rejected(tmp_path: Path, kind: str) -> None:
    model = convolutions(8, 3)
    for damaged in (b"", b"text", model[: len(model) // 2]):
        failure = run(tmp_path, kind, damaged).failure
        assert failure.verdict == "rejected"
        assert failure.reason.startswith("model cannot be loaded: ")


def test_a_damaged_part_is_named(tmp_path: Path) -> None:
    failure = run(tmp_path, "timed", convolutions(8, 3), b"text").failure
    assert failure.reason.startswith("head cannot be loaded: ")


def test_a_huge_model_stays_within_its_memory(tmp_path: Path) -> None:
    # 20000 x 20000 floats are 1.6 GB.
    failure = run(tmp_path, "timed", convolutions(20_000, 1), memory_limit_mb=500).failure
    assert failure is not None
    assert failure.verdict in ("rejected", "crashed")


def test_the_dummy_is_one_addition() -> None:
    interpreter = Interpreter(model_content=bench.DUMMY_MODEL)
    interpreter.allocate_tensors()
    for detail, value in zip(interpreter.get_input_details(), (2, 3), strict=True):
        interpreter.set_tensor(detail["index"], np.full((1, 1), value, np.float32))
    interpreter.invoke()
    assert interpreter.get_tensor(interpreter.get_output_details()[0]["index"]) == 5
    assert len(bench.DUMMY_MODEL) < 1000
