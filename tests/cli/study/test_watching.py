"""`mqn status --watch` on what drivers say, without a database or a terminal of its own."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console
from tests.support.records import make_trial

from mqn.cli.study.standing import Standing, status_document
from mqn.cli.study.watching import draw, line_of, watch
from mqn.errors import DatabaseAwayError
from mqn.report.front.hypervolume import hypervolume
from mqn.search.budget.spent import Spent
from mqn.search.space.space_file import parse_space
from mqn.search.storage.drivers import Driver
from mqn.search.watch.reading import Told, steps_of
from mqn.search.watch.snapshot import DeviceState, RunningJob, Snapshot, WaitingJobs

DRIVER = Driver(
    id="a", study="s", seat=0, host="lab1", process=7, machine="", started="", since=0.0, beat=3, silent_seconds=4.2
)
SNAPSHOT = Snapshot(
    study="s",
    at=3700.0,
    began=100.0,
    goal=40,
    active=3,
    finished=10,
    running={"train": 1, "measure": 1},
    queued={"score": 2},
    jobs=(
        RunningJob(trial=3, stage="train", key="ab", doing="train, epoch 1 of 8", since=3690.0),
        RunningJob(trial=2, stage="measure", key="cd", doing="measure on board", since=3400.0, device="board"),
    ),
    waiting=(WaitingJobs(stage="score", why="2 CPU, of which 0 of 2 are free", count=2, trials=(4, 5)),),
    devices=(DeviceState(name="board", state="busy"), DeviceState(name="phone", state="away", error="nobody answers")),
    nodes=3,
    there={"CPU": 6.0, "memory": 2.0**31},
    failures=("trial 1: the loss is not finite",),
    steps={"3": {"train": "ab"}},
)


@pytest.fixture
def standing(monkeypatch: pytest.MonkeyPatch) -> Standing:
    monkeypatch.setattr("mqn.search.budget.opening.limits_of", lambda _: None)
    goals = [{"metric": "psnr_tm"}, {"metric": "latency_ms"}]
    definition = {"name": "tiny", "sampler": "random", "trials": 40, "objectives": goals, "dimensions": {}}
    definition["dimensions"] = {"arch.attention": {"choices": ["none", "sa"]}}
    space = parse_space(definition, source="tiny.toml")
    records = [make_trial(0, figures={"psnr_tm": 20.0, "latency_ms": 3.0}), make_trial(1, state="failed", error="no")]
    study: Any = SimpleNamespace(
        name="s",
        optuna=SimpleNamespace(study_name="s", user_attrs={}),
        space=space,
        accepted=(),
        about=SimpleNamespace(simulated=False),
        begun=lambda: 13,
    )
    return Standing(
        study=study,
        records=records,
        states=Counter(complete=9, failed=1, running=3),
        confirmations={},
        trainings=1,
        rungs={},
        spent=Spent(trainings=3),
        history=hypervolume(records, space.objectives),
        holds={},
        told=[Told(driver=DRIVER, snapshot=SNAPSHOT, age_seconds=1.5)],
        goal=40,
    )


def shown(standing: Standing | None, trouble: str = "") -> str:
    console = Console(file=io.StringIO(), width=140)
    console.print(draw(standing, trouble))
    return str(console.file.getvalue())  # type: ignore[attr-defined]


def test_pace_and_time_left(standing: Standing) -> None:
    assert standing.trials_an_hour == 10.0  # 10 trials in 3600 s
    assert standing.seconds_left == 3 * 3600.0  # 30 trials more


def test_the_live_view_says_what_runs_and_what_waits_for_what(standing: Standing) -> None:
    text = shown(standing)
    for words in (
        "10 of 40 trials: 9 complete, 1 failed, 3 running; 10 trials an hour, about 3.0 h left",
        "process 7 on lab1, since 1970-01-01T00:00:00+00:00",
        "4 s ago",
        "6 CPU, 2 GiB",
        "train, epoch 1 of 8",
        "2 CPU, of which 0 of 2 are free",
        "4, 5",
        "nobody answers",
        "spent: trainings 3",
        "trial 1: the loss is not finite",
    ):
        assert words in text, words
    assert text.index("measure on board") < text.index("train, epoch 1 of 8")  # the longest first
    assert "5 min" in text


def test_a_driver_that_says_nothing_is_shown_all_the_same(standing: Standing) -> None:
    silent = replace(standing, told=[Told(driver=DRIVER)])
    assert "it says nothing" in shown(silent)
    assert silent.trials_an_hour is None
    assert silent.last_failures == ["trial 1: no"]


def test_trouble_stands_above_what_was_seen_last(standing: Standing) -> None:
    assert "the database is away" in shown(standing, "the database is away")
    assert shown(None, "the database is away").strip() == "the database is away"


def test_a_line_for_where_there_is_no_terminal(standing: Standing) -> None:
    assert line_of(standing).startswith(
        "s: 10 of 40; 9 complete, 1 failed, 3 running; running: train 1, measure 1; 2 jobs wait; hypervolume "
    )


@pytest.mark.parametrize("terminal", [False, True])
def test_it_is_watched_until_nobody_drives_it(
    terminal: bool, standing: Standing, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = [standing, DatabaseAwayError("the database is away"), standing, replace(standing, told=[])]
    pauses: list[float] = []

    def read(_: Any) -> Standing:
        answer = answers.pop(0)
        if isinstance(answer, DatabaseAwayError):
            raise answer
        return answer

    console = Console(file=io.StringIO(), force_terminal=terminal, width=140)
    assert watch(standing.study, console=console, sleep=pauses.append, read=read)
    assert pauses == [2.0, 2.0, 2.0]
    told = str(console.file.getvalue()) if terminal else capsys.readouterr().out  # type: ignore[attr-defined]
    assert "10 of 40" in told
    assert "the database is away; looking again" in told


def test_nobody_drives_it(standing: Standing) -> None:
    assert not watch(standing.study, console=Console(file=io.StringIO()), read=lambda _: replace(standing, told=[]))


def test_the_document_has_the_same_facts(standing: Standing) -> None:
    document = status_document(standing)
    assert document["drivers"][0]["heartbeat_age_seconds"] == 4.2
    assert document["drivers"][0]["now"] == SNAPSHOT
    assert (document["running"], document["queued"]) == ({"train": 1, "measure": 1}, {"score": 2})
    assert (document["goal"], document["trials_an_hour"], document["seconds_left"]) == (40, 10.0, 10800)
    assert document["trials"]["complete"] == 9


def test_steps_of_a_running_trial_come_from_its_driver() -> None:
    told = [Told(driver=DRIVER), Told(driver=DRIVER, snapshot=SNAPSHOT)]
    assert (steps_of(told, 3), steps_of(told, 4)) == ({"train": "ab"}, {})
