"""Devices on the page, in words."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cli.study.test_watching import DRIVER, SNAPSHOT
from tests.dashboard.panels.test_running import state_of, tables
from tests.support.records import make_trial

from mqn.dashboard.panels.devices import describe_devices, tell_lease, tell_temperature
from mqn.dashboard.studies.devices import Answer, Sight
from mqn.records import MachineState
from mqn.search.watch.reading import Told
from mqn.search.watch.snapshot import RunningJob

WARM = MachineState(load_1m=0.5, frequency_mhz=1800.0, temperature_c=52.0, battery_percent=81.0, charging=True)


def told(sights: dict[str, Sight]) -> dict[str, list[str]]:
    records = [make_trial(2, verdicts={"board": "ok"}), make_trial(4, verdicts={"board": "unsteady"})]
    blocks = describe_devices(state_of(*records, told=(Told(driver=DRIVER, snapshot=SNAPSHOT),)), sights)
    return {row[0]: row[1:] for row in tables(blocks)["Devices"]}


def test_drivers_agents_and_records_together_tell_of_a_device() -> None:
    rows = told(
        {
            "board": Sight(asked=True, answer=Answer(state=WARM, held=1, waiting=2)),
            "phone": Sight(measured=WARM, measured_in=4),
        }
    )
    assert rows["board"] == [
        "busy",
        "52 °C now",
        "load 0.5, 1,800 MHz, battery 81 %, charging",
        "#2 of this study has it: measure on board, for 5 min; 2 wait for their turn",
        "1 ok, 1 unsteady",
        "",
    ]
    assert rows["phone"] == ["away", "52 °C when #4 was measured", "no agent to ask", "", "", "nobody answers"]


def test_an_agent_that_is_away_is_shown_as_away() -> None:
    rows = told({"board": Sight(asked=True, error="no agent answers at https://board:8765")})
    assert rows["board"][-1] == "agent: no agent answers at https://board:8765"
    assert rows["board"][1] == "not known"


JOB = (100.0, RunningJob(trial=3, stage="measure", key="k", doing="", since=40.0, device="board"))


@pytest.mark.parametrize(
    ("sight", "jobs", "words"),
    [
        (Sight(), [], ""),
        (Sight(), [JOB], "#3 of this study has it: measure, for 60 s"),
        (Sight(asked=True, answer=Answer(state=WARM, held=0, waiting=0)), [], "free"),
        (Sight(asked=True, answer=Answer(state=WARM, held=1, waiting=0)), [], "another holder has it"),
        (Sight(asked=True, answer=Answer(state=WARM)), [], ""),
        (Sight(asked=True, error="no"), [], "its agent is away"),
        (Sight(asked=True, silent_seconds=9.4), [], "its agent has not answered for 9 s"),
        (
            Sight(asked=True, silent_seconds=9.4, answer=Answer(state=WARM, held=0)),
            [],
            "its agent has not answered for 9 s",
        ),
    ],
)
def test_who_has_a_device(sight: Sight, jobs: list[Any], words: str) -> None:
    assert tell_lease(sight, jobs) == words


def test_an_old_temperature_does_not_pass_for_a_new_one() -> None:
    slow = Sight(asked=True, answer=Answer(state=WARM), silent_seconds=9.0)
    assert tell_temperature(slow) == "52 °C before its agent fell silent"


def test_a_temperature_that_nobody_can_read_is_not_known() -> None:
    unread = MachineState(load_1m=None, frequency_mhz=None, temperature_c=None)
    assert tell_temperature(Sight(asked=True, answer=Answer(state=unread))) == "not known"


def test_a_study_without_devices_shows_none() -> None:
    assert describe_devices(state_of(), {}) == []
