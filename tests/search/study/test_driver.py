from __future__ import annotations

from tests.support.records import make_trial

from mqn.records import TrialRecord
from mqn.search.study.commands import resend_command, resume_command, say_held, search_command


def test_commands_can_be_typed_as_they_are_shown():
    assert resume_command("a", "smoke") == "mqn search smoke --study a --resume"
    words = "mqn search 'my space.toml' --study a --resume --profile 'my lab.toml' --trials 5 --retry-failed"
    assert resume_command("a", "my space.toml", profile="my lab.toml", trials=5, retry_failed=True) == words
    words = "mqn search smoke --study a --resume --budget trainings=40 --hours 1.5"
    assert resume_command("a", "smoke", budget={"trainings": 40.0, "hours": 1.5}) == words
    assert resume_command("a", "smoke", stall="off") == "mqn search smoke --study a --resume --stall off"
    assert search_command("smoke") == "mqn search smoke"
    assert search_command("s.toml", profile="lab", data="a b") == "mqn search s.toml --profile lab --data 'a b'"
    assert resend_command("lab") == "mqn track resend --profile lab"


def held(number: int, verdict: str | None) -> TrialRecord:
    waits = {"verdicts": {"board": verdict}, "unaccepted": {"board": {"latency_ms": 4.0}}} if verdict else {}
    return make_trial(number, state="held", waits="export: a process was lost", **waits)


def test_what_waits_is_said_with_the_command_that_goes_on():
    assert say_held([], "GO") == ()
    assert say_held([held(0, "unsteady"), held(1, "contended"), held(2, None)], "GO") == (
        "2 trials wait for a steady device: resume when it is quiet (GO), or accept contended and unsteady figures "
        "with: GO --accept contended --accept unsteady",
        "1 trial waits for another try (export: a process was lost): GO",
    )
