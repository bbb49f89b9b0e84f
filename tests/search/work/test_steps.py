"""Steps of a trial as data: which can begin, and what is done for one that is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mqn.errors import ExportError
from mqn.records import stage_key
from mqn.search.artifacts import Artifact, ArtifactStore
from mqn.search.work.jobs import Job
from mqn.search.work.steps import Step, ready, run_steps


def write(folder: Path, *, text: str) -> dict[str, Any]:
    if text == "bad":
        raise ExportError("not the same network")
    (folder / "out.txt").write_text(text)
    return {}


def step(name: str, *needs: str, text: str = "") -> Step:
    def make(made: Mapping[str, Artifact]) -> Job:
        inputs = {"read": [(made[need].folder / "out.txt").read_text() for need in needs], "text": text or name}
        words = " ".join([*inputs["read"], inputs["text"]]) if text != "bad" else text
        return Job(
            stage=name.partition("/")[0],
            key=stage_key(name, inputs),
            inputs=inputs,
            function=write,
            arguments={"text": words},
            doing=f"do {name}",
        )

    return Step(name=name, needs=needs, make=make)


STEPS = (step("train"), step("convert", "train"), step("score/baseline"), step("quantize", "convert"))


def test_a_step_can_begin_when_all_that_it_needs_is_made():
    assert [one.name for _, one in ready(STEPS, (), ())] == ["train", "score/baseline"]
    assert [one.name for _, one in ready(STEPS, ("train", "score/baseline"), ("train",))] == ["convert"]
    assert not list(ready(STEPS, {one.name for one in STEPS}, ()))


def test_steps_near_the_end_of_a_trial_have_fewest_behind_them():
    behind = {one.name: count for count, one in ready(STEPS, (), {one.name for one in STEPS})}
    assert behind == {"train": 3, "convert": 2, "score/baseline": 1, "quantize": 0}


def test_only_what_a_goal_needs_is_done_and_that_once(tmp_path: Path):
    store, told = ArtifactStore(tmp_path), []
    made = run_steps(store, STEPS, "convert", tell=told.append)
    assert told == ["do train", "do convert"]
    assert {name: (one.folder / "out.txt").read_text() for name, one in made.items()} == {
        "train": "train",
        "convert": "train convert",
    }
    written = made["train"].folder.stat().st_mtime_ns
    again = run_steps(store, STEPS, "quantize")
    assert (again["quantize"].folder / "out.txt").read_text() == "train convert quantize"
    assert made["train"].folder.stat().st_mtime_ns == written
    assert not (tmp_path / "score").exists()


def test_what_a_step_fails_with_is_raised(tmp_path: Path):
    steps = (step("train"), step("convert", "train", text="bad"), step("quantize", "convert"))
    with pytest.raises(ExportError, match="not the same network"):
        run_steps(ArtifactStore(tmp_path), steps, "quantize")
