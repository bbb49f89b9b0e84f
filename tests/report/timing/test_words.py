from __future__ import annotations

import pytest

from mqn.records import Delegation, MachineState, Range, Ratio
from mqn.report.timing.words import delegation_text, machine_text, range_text, verdict_on


def ratio(value, low, high):
    return Ratio(value=value, range=Range(low=low, high=high), confidence=0.95, different=not low <= 1 <= high)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (ratio(1.031, 1.024, 1.038), "B takes 3.1 % longer (2.4 to 3.8 %)"),
        (ratio(0.969, 0.962, 0.976), "B takes 3.1 % less (2.4 to 3.8 %)"),
        (ratio(1.001, 0.996, 1.006), "cannot be told apart (-0.4 to +0.6 %)"),
        (None, "not compared: it takes two processes at least"),
    ],
)
def test_a_comparison_in_a_sentence(given, words):
    assert verdict_on(given) == words


def test_a_range_stands_behind_its_figure():
    assert range_text(3.14159, Range(low=3.1, high=3.2)) == "3.142 (3.100 to 3.200)"
    assert range_text(3.14159, None, digits=1) == "3.1"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "xnnpack took 12 of 12 operators in 1 partition"),
        (
            {"partitions": 2, "delegated": 9, "outside": {"CUSTOM": 1, "CAST": 2}},
            "xnnpack took 9 of 12 operators in 2 partitions; outside: CAST 2, CUSTOM 1",
        ),
        ({"delegate": "none", "partitions": 0, "delegated": 0}, "no delegate; 12 operators"),
    ],
)
def test_what_a_delegate_took(changes, words):
    whole = {"delegate": "xnnpack", "partitions": 1, "nodes": 12, "delegated": 12, "outside": {}}
    assert delegation_text(Delegation(**{**whole, **changes})) == words


def test_a_device_that_does_not_tell_is_said_to_be_one():
    assert "does not tell" in delegation_text(None)


def test_only_what_can_be_read_of_a_machine_is_told():
    unread = MachineState(load_1m=None, frequency_mhz=None, temperature_c=None)
    assert machine_text(unread, unread) == "nothing of the machine's state can be read"
    before = MachineState(load_1m=0.2, frequency_mhz=2400.0, temperature_c=None, battery_percent=81.0, charging=True)
    after = MachineState(load_1m=1.0, frequency_mhz=2400.0, temperature_c=51.4, battery_percent=80.0, charging=False)
    assert machine_text(before, after) == (
        "load 0.2 to 1.0, clock 2400 MHz, ? to 51 °C, battery 81 to 80 %, not charging"
    )


def test_a_verdict_names_both_models_where_it_can() -> None:
    given = Ratio(value=1.031, range=Range(low=1.024, high=1.038), confidence=0.95, different=True)
    assert verdict_on(given, ("x", "y")) == "B (y) takes 3.1 % longer (2.4 to 3.8 %) than A (x)"
    same = Ratio(value=1.0, range=Range(low=0.99, high=1.01), confidence=0.95, different=False)
    assert verdict_on(same, ("x", "y")) == "A (x) and B (y) cannot be told apart (-1.0 to +1.0 %)"
    assert verdict_on(given, ("x", "x")) == "B takes 3.1 % longer (2.4 to 3.8 %)"
