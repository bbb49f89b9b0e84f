from __future__ import annotations

import json

import pytest

from mqn.device import wire
from mqn.errors import ConfigError
from mqn.parsing import from_mapping, to_plain
from mqn.records import MeasureSettings

HASH = "ab" * 32


def test_one_file_is_a_model_and_two_are_a_pair() -> None:
    assert [file.part for file in wire.name_parts([HASH])] == ["model"]
    assert [file.part for file in wire.name_parts([HASH, HASH])] == ["backbone", "head"]


@pytest.mark.parametrize("count", [0, 3])
def test_other_numbers_of_files_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match=f"{count} files"):
        wire.name_parts([HASH] * count)


def test_a_job_survives_json() -> None:
    request = wire.JobRequest(files=wire.name_parts([HASH, HASH]), settings=MeasureSettings(threads=2, runs=7))
    assert from_mapping(wire.JobRequest, json.loads(json.dumps(to_plain(request))), source="job") == request


def test_a_result_survives_json(make_measurement) -> None:
    status = wire.JobStatus(id="1", state="done", measurement=make_measurement(parts=("backbone", "head")))
    assert from_mapping(wire.JobStatus, json.loads(json.dumps(to_plain(status))), source="job") == status


@pytest.mark.parametrize("name", ["", "a" * 63, "A" * 64, "a" * 64 + "\n", "../" + "a" * 61, "٣" * 64])
def test_only_64_hexadecimal_digits_name_a_model(name: str) -> None:
    with pytest.raises(ConfigError, match="64 lower-case hexadecimal digits"):
        from_mapping(wire.JobFile, {"part": "model", "sha256": name}, source="job")


@pytest.mark.parametrize(
    ("files", "settings", "words"),
    [
        ([], {}, "must be \\['model'\\]"),
        (["head", "backbone"], {}, "must be \\['model'\\]"),
        (["backbone"], {}, "must be \\['model'\\]"),
        (["other"], {}, "files\\[0\\].part"),
        (["model"], {"runs": wire.MAX_RUNS + 1}, "runs must be at most"),
        (["model"], {"timeout_seconds": 1e6}, "timeout_seconds must be at most"),
        (["model"], {"memory_limit_mb": 10**6}, "memory_limit_mb"),
        (["model"], {"threads": 0}, "threads"),
        (["model"], {"run": 3}, "did you mean 'runs'"),
    ],
)
def test_jobs_that_no_agent_carries_out(files: list[str], settings: dict, words: str) -> None:
    plain = {"files": [{"part": part, "sha256": HASH} for part in files], "settings": settings}
    with pytest.raises(ConfigError, match=words):
        from_mapping(wire.JobRequest, plain, source="job")
