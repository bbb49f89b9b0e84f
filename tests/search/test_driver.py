from __future__ import annotations

import signal

import pytest

from mqn.records import Candidate, TrialRecord
from mqn.search.advice import resend_command, resume_command, say_held, search_command
from mqn.search.driver import _signals_as_interrupt


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_polite_kill_and_a_lost_terminal_end_a_study_as_ctrl_c_does(number):
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), _signals_as_interrupt():
        signal.raise_signal(number)
    assert signal.getsignal(number) == before


def test_a_signal_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as under nohup
    try:
        with _signals_as_interrupt():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_commands_can_be_typed_as_they_are_shown():
    assert resume_command("a", "smoke") == "mqn search smoke --study a --resume"
    words = "mqn search 'my space.toml' --study a --resume --profile 'my lab.toml' --trials 5 --retry-failed"
    assert resume_command("a", "my space.toml", profile="my lab.toml", trials=5, retry_failed=True) == words
    assert search_command("smoke") == "mqn search smoke"
    assert search_command("s.toml", profile="lab", data="a b") == "mqn search s.toml --profile lab --data 'a b'"
    assert resend_command("lab") == "mqn track resend --profile lab"


def held(number: int, verdict: str | None) -> TrialRecord:
    waits = {"verdicts": {"board": verdict}, "unaccepted": {"board": {"latency_ms": 4.0}}} if verdict else {}
    return TrialRecord(
        study="s", number=number, state="held", candidate=Candidate(), waits="export: a process was lost", **waits
    )


def test_what_waits_is_said_with_the_command_that_goes_on():
    assert say_held([], "GO") == ()
    assert say_held([held(0, "unsteady"), held(1, "contended"), held(2, None)], "GO") == (
        "2 trials wait for a steady device: resume when it is quiet (GO), or accept contended and unsteady figures "
        "with: GO --accept contended --accept unsteady",
        "1 trial waits for another try (export: a process was lost): GO",
    )
