"""`mqn logs` and `mqn timeline` on a study in a database, with artifacts as workers leave them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.records import make_trial

from mqn.cli.app import run
from mqn.profile import Profile
from mqn.records import Span
from mqn.search.artifacts import ArtifactStore
from mqn.search.space.space_file import parse_space
from mqn.search.study.about import About
from mqn.search.study.studies import create_study
from mqn.search.work.jobs import Job, perform

pytestmark = pytest.mark.integration  # A database, and descriptors of this process.

DEFINITION = {
    "name": "tiny",
    "sampler": "random",
    "trials": 4,
    "objectives": [{"metric": "psnr_tm"}, {"metric": "latency_ms"}],
    "dimensions": {"arch.attention": {"choices": ["none", "sa", "csa", "ca"]}},
}


def nothing(folder: Path) -> dict[str, str]:
    return {}


@pytest.fixture
def study() -> None:
    """One trial with a training that is logged; one that nobody drives."""
    space = parse_space(DEFINITION, source="tiny.toml")
    made = create_study(
        "tiny", Profile().study_url, About(space=space.definition, space_hash=space.hash, space_name="t")
    )
    job = Job(stage="train", inputs={}, function=nothing)
    perform(ArtifactStore.of(Profile().storage), job, capture=True)
    trial = made.ask()
    assert trial is not None
    record = make_trial(
        0,
        study="tiny",
        candidate=space.candidate(trial.params),
        figures={"psnr_tm": 20.0, "latency_ms": 3.0},
        artifacts={"train": job.key, "score/float": "never"},
        spans={"train": Span(begin=10.0, end=14.0, host="lab1", process=7, submitted=9.0, collected=15.0)},
    )
    made.note(trial, record)
    made.finish(trial, record)
    made.ask()


@pytest.mark.usefixtures("study")
def test_logs_of_a_trial(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["logs", "tiny", "0"]) == 0
    told = capsys.readouterr().out
    assert "== train: done, 4.0 s on lab1" in told
    assert "train on " in told
    assert "== score/float: done" in told
    assert "nothing is kept" in told
    assert run(["logs", "tiny", "0", "--stage", "train", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [(step["step"], step["state"]) for step in document["steps"]] == [("train", "done")]
    assert "done after" in document["steps"][0]["text"]


@pytest.mark.usefixtures("study")
@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["9"], 2, "study 'tiny' has no trial 9; its trials are 0 to 1"),
        (["0", "--stage", "trian"], 2, "trial 0 has no stage 'trian'; did you mean 'train'?"),
        (["1"], 3, "no output of trial 1 is known: its driver is gone"),
    ],
)
def test_where_there_is_no_output(words: list[str], code: int, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["logs", "tiny", *words]) == code
    assert line in capsys.readouterr().err


@pytest.mark.usefixtures("study")
def test_timeline_of_a_study(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    trace = tmp_path / "t.json"
    assert run(["timeline", "tiny", "--output", str(trace)]) == 0
    told = capsys.readouterr().out
    assert "a training ran 100.0% of the time" in told
    assert "lab1" in told
    assert any(event["ph"] == "X" for event in json.loads(trace.read_text())["traceEvents"])
    assert run(["timeline", "tiny", "--json"]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (document["trainers"]["busy"], document["jobs"], document["seconds"]) == (1.0, 1, 4.0)
    assert run(["timeline", "tiny", "--output", "t.gif"]) == 2
    assert "a timeline is written as .json, .html, .png" in capsys.readouterr().err


def test_a_study_without_times_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    space = parse_space(DEFINITION, source="tiny.toml")
    create_study("tiny", Profile().study_url, About(space=space.definition, space_hash=space.hash, space_name="t"))
    assert run(["timeline", "tiny"]) == 3
    assert "has no trial that says when its steps ran" in capsys.readouterr().err
