from __future__ import annotations

import json

import pytest

from mqn.device.passes import PassFile, PassRequest, parse_result, printable
from mqn.records import MeasureSettings

CALM = {"load_1m": 0.0, "frequency_mhz": None, "temperature_c": -3.5}
PART = {
    "init_ms": 1.0,
    "first_ms": 2.0,
    "warmup_ms": 3.0,
    "samples_ns": [1_000_000, 2_000_000],
    "output_sha256": "0" * 64,
}
TIMED = {
    "models": [[PART]],
    "wall_seconds": 1.0,
    "cpu_seconds": 1.0,
    "others_seconds": 0.0,
    "affinity": [0],
    "before": CALM,
    "after": CALM,
}
MEMORY = {"baseline_mb": 50.0, "peak_mb": 9.0, "method": "by hand"}
REQUEST = PassRequest(kind="timed", models=((PassFile(part="model", name="m.tflite"),),), settings=MeasureSettings())


def test_an_answer_to_the_request_is_taken() -> None:
    result = parse_result(json.dumps({"timed": TIMED}).encode(), REQUEST)
    assert result.failure is None
    assert result.timed.models[0][0].samples_ns == (1_000_000, 2_000_000)


def test_what_the_runtime_refuses_is_a_result() -> None:
    refusal = {"failure": {"verdict": "rejected", "reason": "model cannot be loaded: no"}}
    assert parse_result(json.dumps(refusal).encode(), REQUEST).failure.reason == "model cannot be loaded: no"


@pytest.mark.slow
@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        {"memory": MEMORY},
        {"failure": {"verdict": "ok", "reason": "trust me"}},
        {"timed": {**TIMED, "models": []}},
        {"timed": {**TIMED, "models": [[PART, PART]]}},
        {"timed": {**TIMED, "models": [[PART], [PART]]}},
        {"timed": {**TIMED, "models": [[{**PART, "samples_ns": []}]]}},
        {"timed": {**TIMED, "models": [[{**PART, "samples_ns": [0, 5]}]]}},
        {"timed": {**TIMED, "models": [[{**PART, "cpu_ns": [5]}]]}},
        {"timed": {**TIMED, "models": [[{**PART, "cpu_ns": [0, 5]}]]}},
        {"timed": {**TIMED, "models": [[{**PART, "init_ms": -1.0}]]}},
        {"timed": {**TIMED, "wall_seconds": 0.0}},
        {"timed": {**TIMED, "wall_seconds": float("nan")}},
        {"timed": {**TIMED, "cpu_seconds": float("inf")}},
        {"timed": {**TIMED, "yardstick_ns": [0, 0]}},
        {"timed": {**TIMED, "wall_seconds": 1e300}},
        {"timed": {**TIMED, "wall_seconds": 1e-300}},
        {"timed": {**TIMED, "affinity": list(range(1025))}},
        {"timed": {**TIMED, "models": [[{**PART, "samples_ns": [10**400]}]]}},
        {"timed": {**TIMED, "models": [[{**PART, "samples_ns": [1] * 100_001}]]}},
        {"timed": {**TIMED, "models": [[{**PART, "output_sha256": "not a hash"}]]}},
        {"timed": {**TIMED, "before": {**CALM, "load_1m": -float("inf")}}},
        {"failure": {"verdict": "crashed", "reason": "\x1b[2J"}},
        {"failure": {"verdict": "crashed", "reason": "x" * 2000}},
    ],
)
def test_an_answer_that_makes_no_sense_is_a_crash(answer: object) -> None:
    failure = parse_result(json.dumps(answer).encode(), REQUEST).failure
    assert failure.verdict == "crashed"
    assert failure.reason.startswith("the timed pass left no result that makes sense: ")


@pytest.mark.parametrize("text", [b"", b"\xff\xfe", b"{", b"[" * 100_000, b'{"timed": 1e999}', b"9" * 5000])
def test_anything_at_all_is_a_crash(text: bytes) -> None:
    assert parse_result(text, REQUEST).failure.verdict == "crashed"


def test_an_answer_of_tables_without_end_is_not_even_read() -> None:
    failure = parse_result(b"[" + b"{}," * 60_000 + b"{}]", REQUEST).failure
    assert failure.reason.endswith("60002 tables and lists (at most 50000)")


def test_a_line_is_shown_and_not_obeyed() -> None:
    assert printable("two\nlines \x1b[2J and more") == "two lines ?[2J and more"
    assert len(printable("x" * 10_000)) == 500


def test_a_backend_that_knows_no_output_leaves_its_hash_empty() -> None:
    answer = {"timed": {**TIMED, "models": [[{**PART, "output_sha256": ""}]]}}
    assert parse_result(json.dumps(answer).encode(), REQUEST).failure is None
