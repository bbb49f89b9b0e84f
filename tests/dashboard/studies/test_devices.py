"""Devices seen from the dashboard: asked beside, not waited for, away in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.records import IDLE, make_measurement, make_trial

from mqn.dashboard.studies.devices import Answer, DeviceWatch, Sight, count_leases, last_measured
from mqn.errors import DeviceAwayError
from mqn.parsing import write_json
from mqn.profile import DeviceProfile
from mqn.records import MachineState
from mqn.search.artifacts import ArtifactStore

AGENT, OWN = DeviceProfile(url="https://board:8765"), DeviceProfile(url="adb:X")
WARM = Answer(state=MachineState(load_1m=0.5, frequency_mhz=1800, temperature_c=52.0), held=1, waiting=2)


class Later:
    """Runs what it is given when it is told to."""

    def __init__(self) -> None:
        self.kept: list[Callable[[], object]] = []

    def __call__(self, work: Callable[[], object]) -> None:
        self.kept.append(work)

    def run(self) -> int:
        kept, self.kept = self.kept, []
        for work in kept:
            work()
        return len(kept)


class Watched:
    """A watch whose clock and agents are a test's."""

    def __init__(self, folder: Path) -> None:
        self.now, self.later = 100.0, Later()
        self.answers: dict[str, Answer | DeviceAwayError] = {"board": WARM}
        self.store = ArtifactStore(folder)
        devices = {"board": AGENT, "phone": OWN}
        self.watch = DeviceWatch(devices, self.store, ask=self._ask, clock=lambda: self.now, spawn=self.later)

    def _ask(self, name: str, device: DeviceProfile) -> Answer:
        assert device is AGENT
        answer = self.answers[name]
        if isinstance(answer, DeviceAwayError):
            raise answer
        return answer

    def look(self, *names: str, **measured: tuple[int, str]) -> Any:
        found = self.watch.look(names, measured)
        return found[names[0]] if len(names) == 1 else found


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def test_who_looks_waits_for_no_agent(watched: Watched) -> None:
    assert watched.look("board") == Sight(asked=True)
    watched.now += 3.0
    assert watched.look("board").silent_seconds == 3.0
    assert watched.later.run() == 1  # The second look asked no second time.
    assert watched.look("board") == Sight(asked=True, answer=WARM)


def test_an_agent_is_asked_again_when_its_answer_is_old(watched: Watched) -> None:
    watched.look("board")
    watched.later.run()
    watched.now += 4.9
    watched.look("board")
    assert watched.later.run() == 0
    watched.now += 0.2
    watched.look("board")
    assert watched.later.run() == 1


def test_an_agent_that_goes_and_comes_is_away_in_between(watched: Watched) -> None:
    watched.answers["board"] = DeviceAwayError("no agent answers at https://board:8765")
    watched.look("board")
    watched.later.run()
    seen = watched.look("board")
    assert (seen.answer, seen.error) == (None, "no agent answers at https://board:8765")
    watched.answers["board"] = WARM
    watched.now += 6.0
    watched.look("board")
    watched.later.run()
    assert watched.look("board") == Sight(asked=True, answer=WARM)


def test_no_agent_is_started_for_a_phone_and_its_last_measurement_tells(watched: Watched) -> None:
    with watched.store.open("measure", "m") as slot:
        after = MachineState(load_1m=None, frequency_mhz=None, temperature_c=61.0)
        write_json(slot.folder / "measurement.json", make_measurement(before=IDLE, after=after))
        slot.publish(inputs={}, versions={"mqn": "1"}, seconds=1.0, details={})
    watched.look("phone", phone=(7, "m"))
    assert watched.later.run() == 1
    assert watched.look("phone", phone=(7, "m")) == Sight(measured=after, measured_in=7)
    assert watched.later.run() == 0  # What was measured does not change.
    watched.look("phone", phone=(8, "gone"))
    watched.later.run()
    assert watched.look("phone", phone=(8, "gone")) == Sight(measured=None, measured_in=8)
    assert watched.look("stranger") == Sight()
    assert watched.later.run() == 0


def test_the_latest_measurement_of_each_target() -> None:
    records = [
        make_trial(3, artifacts={"measure/board": "c"}),
        make_trial(1, artifacts={"measure/board": "a", "measure/phone": "p", "train": "t"}),
        make_trial(4, artifacts={"gate/measure/board": "g"}),
    ]
    assert last_measured(records) == {"board": (3, "c"), "phone": (1, "p")}


def test_leases_are_counted_from_an_agents_metrics() -> None:
    text = '# TYPE mqn_leases gauge\nmqn_leases{state="held"} 1.0\nmqn_leases{state="waiting"} 3.0\nmqn_other 5.0\n'
    assert count_leases(text) == (1, 3)
    assert count_leases("") == (None, None)
    assert count_leases("<html>{") == (None, None)
