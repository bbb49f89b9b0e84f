from __future__ import annotations

import json
from pathlib import Path

import pytest

from mqn.device import session
from mqn.device.backends.isolation import Ending, KillSwitch
from mqn.device.passes import REQUEST_FILE, RESULT_FILE
from mqn.device.session import SessionFile, measure_here
from mqn.records import MeasureSettings

CALM = {"load_1m": 0.0, "frequency_mhz": None, "temperature_c": None}
PART = {
    "init_ms": 1.0,
    "first_ms": 2.0,
    "warmup_ms": 3.0,
    "samples_ns": [1_000_000, 2_000_000, 3_000_000],
    "output_sha256": "0",
    "partitions": 1,
}
TIMED = {
    "parts": [PART],
    "wall_seconds": 1.0,
    "cpu_seconds": 1.0,
    "others_seconds": 0.0,
    "affinity": [0],
    "before": CALM,
    "after": CALM,
}
MEMORY = {"baseline_mb": 50.0, "peak_mb": 9.0, "method": "by hand"}
WELL = Ending(returncode=0, timed_out=False, last_words="")


@pytest.fixture
def measure(tmp_path: Path, info, monkeypatch: pytest.MonkeyPatch):
    model = tmp_path / "uploaded"
    model.write_bytes(b"a model")
    kinds: list[str] = []

    def run(results: dict[str, object], endings: dict[str, Ending] | None = None, parts=("model",), **settings):
        def pretend(folder: Path, timeout_seconds: float, switch: KillSwitch) -> Ending:
            kind = json.loads((folder / REQUEST_FILE).read_text())["kind"]
            kinds.append(kind)
            for part in parts:
                assert (folder / f"{part}.tflite").read_bytes() == b"a model"
            (folder / RESULT_FILE).write_text(json.dumps(results[kind]))
            return (endings or {}).get(kind, WELL)

        monkeypatch.setattr(session, "run_isolated", pretend)
        files = [SessionFile(part=part, sha256="1" * 64, path=model) for part in parts]
        found = measure_here(files, MeasureSettings(**settings), device=info, folder=tmp_path, switch=KillSwitch())
        assert list(tmp_path.iterdir()) == [model]
        return found, kinds

    return run


def test_two_passes_make_a_measurement(measure) -> None:
    found, kinds = measure({"timed": {"timed": TIMED}, "memory": {"memory": MEMORY}})
    assert kinds == ["timed", "memory"]
    assert found.latency_ms.p50 == 2.0
    assert found.parts[0].size_bytes == 7
    assert (found.peak_memory_mb, found.memory_baseline_mb, found.memory_method) == (9.0, 50.0, "by hand")
    assert (found.cpu_wall_ratio, found.partitions) == (1.0, (1,))
    assert found.verdict == "unsteady"  # 1, 2, 3 ms: p90 is 2.8 ms, 40 % above p50


def test_a_pairs_latency_is_the_sum_round_by_round(measure) -> None:
    other = {**PART, "samples_ns": [3_000_000, 2_000_000, 1_000_000], "partitions": None}
    found, _ = measure(
        {"timed": {"timed": {**TIMED, "parts": [PART, other]}}, "memory": {"memory": MEMORY}},
        parts=("backbone", "head"),
    )
    assert (found.latency_ms.min, found.latency_ms.p99) == (4.0, 4.0)
    assert [part.latency_ms.p50 for part in found.parts] == [2.0, 2.0]
    assert found.partitions is None
    assert found.verdict == "ok"


def test_the_ratio_is_per_thread(measure) -> None:
    found, _ = measure({"timed": {"timed": TIMED}, "memory": {"memory": MEMORY}}, threads=2)
    assert found.cpu_wall_ratio == 0.5
    assert "others left 1.00 processors to 2 threads" in found.reasons[0]


@pytest.mark.parametrize(
    ("ending", "verdict", "words"),
    [
        (Ending(returncode=-11, timed_out=False, last_words=""), "crashed", "the timed pass: killed by SIGSEGV"),
        (Ending(returncode=-9, timed_out=True, last_words=""), "timeout", "more than 60 s (timeout_seconds)"),
        (Ending(returncode=1, timed_out=False, last_words="MemoryError"), "crashed", "exit code 1: MemoryError"),
    ],
)
def test_how_a_process_ends_is_a_result(measure, ending: Ending, verdict: str, words: str) -> None:
    found, kinds = measure({"timed": {}}, {"timed": ending})
    assert kinds == ["timed"]
    assert found.verdict == verdict
    assert words in found.reasons[0]
    assert found.latency_ms is None
    assert found.parts == ()


def test_a_crash_in_the_memory_pass_counts_as_well(measure) -> None:
    crash = Ending(returncode=-6, timed_out=False, last_words="")
    found, _ = measure({"timed": {"timed": TIMED}, "memory": {}}, {"memory": crash})
    assert (found.verdict, found.reasons) == ("crashed", ("the memory pass: killed by SIGABRT",))
    assert found.latency_ms is None


def test_what_the_runtime_refuses_is_a_result(measure) -> None:
    refusal = {"failure": {"verdict": "rejected", "reason": "model cannot be loaded: no"}}
    found, _ = measure({"timed": refusal})
    assert (found.verdict, found.reasons) == ("rejected", ("model cannot be loaded: no",))


@pytest.mark.parametrize(
    "result",
    [
        {},
        [],
        {"memory": MEMORY},
        {"timed": {**TIMED, "parts": []}},
        {"timed": {**TIMED, "parts": [{**PART, "samples_ns": []}]}},
        {"timed": {**TIMED, "parts": [PART, PART]}},
        {"timed": {**TIMED, "wall_seconds": 0.0}},
        {"timed": {**TIMED, "parts": [{**PART, "samples_ns": [0, 5]}]}},
    ],
)
def test_an_answer_that_makes_no_sense_is_a_crash(measure, result: object) -> None:
    found, _ = measure({"timed": result})
    assert found.verdict == "crashed"
    assert "left no result that makes sense" in found.reasons[0]
