"""A whole study, in simulated time, and a webhook and a program that are real."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.support.simulated_profile import PROFILE, SPACE

from mqn.cli.app import run

pytestmark = pytest.mark.slow


@pytest.fixture
def search(tmp_path: Path):
    (tmp_path / "small.toml").write_text(SPACE)

    def make(notify: str, *more: str) -> int:
        (tmp_path / "calm.toml").write_text(f"{PROFILE}\n[notify]\n{notify}\n")
        return run(["search", str(tmp_path / "small.toml"), "--profile", str(tmp_path / "calm.toml"), *more])

    return make


def test_a_study_tells_each_event_once_across_resumes(hook, search):
    notify = f'webhook = "{hook.url}"\non = ["end", "front"]'
    assert search(notify, "--trials", "4") == 0
    first = [(told["event"], told.get("trial")) for told in hook.told]
    assert first[-1] == ("end", None)
    assert hook.told[-1]["stopped"] == "done"
    assert hook.told[-1]["trials"]["complete"] == 4
    members = [number for event, number in first if event == "front"]
    assert members
    assert len(set(members)) == len(members)
    assert {told["study"] for told in hook.told} == {"small"}
    assert search(notify, "--resume", "--trials", "4") == 0
    assert len(hook.told) == len(first)  # Nothing is new.
    assert search(notify, "--resume", "--trials", "5") == 0
    assert hook.told[-1]["event"] == "end"
    assert hook.told[-1]["trials"]["complete"] == 5


def test_targets_that_fail_fail_no_study_and_are_named_once(hook, search, capsys):
    hook.code = 500
    notify = f'webhook = "{hook.url}"\ncommand = ["/nowhere/program"]\non = ["front", "end"]'
    assert search(notify, "--trials", "3") == 0
    said = capsys.readouterr()
    lines = [line for line in (said.out + said.err).splitlines() if "notify:" in line]
    assert sum("the webhook answers 500" in line for line in lines) == 1
    assert sum("the command cannot be started (No such file or directory)" in line for line in lines) == 1
    assert hook.url not in said.out + said.err


def test_a_study_that_stalls_says_so_to_a_program(program, search, tmp_path):
    words = json.dumps(program(f"cat >> {tmp_path}/told; echo >> {tmp_path}/told"))
    assert search(f'command = {words}\non = ["stall"]', "--stall", "1:1000", "--parallel", "1") == 0
    (line,) = (tmp_path / "told").read_text().splitlines()
    assert json.loads(line)["text"].startswith("small: the front has stalled")
