"""Drivers that are killed at any moment of a simulated study: whoever resumes it loses and repeats nothing."""

from __future__ import annotations

import random
from collections.abc import Hashable
from pathlib import Path

import pytest
from tests.lab.simulated_study import find_faults, find_missing
from tests.support.simulated_profile import FAILURES, PROFILE, SPACE

from mqn.profile import load_profile
from mqn.report.front.front import front
from mqn.search.artifacts import ArtifactStore
from mqn.search.simulation.engine import SimulatedEngine
from mqn.search.simulation.world import Simulation
from mqn.search.study.driver import run_search
from mqn.search.study.request import SearchRequest
from mqn.search.study.studies import list_studies, open_study
from mqn.search.study.trials import records
from mqn.search.work.jobs import Outcome
from mqn.search.world import simulated

TRIALS, MOST_KILLS = 20, 6


class Killed(BaseException):
    """The driver is gone: no `except Exception` sees it."""


class Mortal(SimulatedEngine):
    """Kills its driver when it has collected so many jobs: before, or after the artifact is there."""

    left, late = 0, False

    def collect(self, handle: Hashable) -> Outcome:
        self.left -= 1
        if self.left <= 0 and not self.late:
            raise Killed
        outcome = super().collect(handle)
        if self.left <= 0:
            raise Killed
        return outcome


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_killed_drivers_lose_and_repeat_nothing(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("mqn.search.simulation.world.SimulatedEngine", Mortal)
    space, path = tmp_path / "small.toml", tmp_path / "simulate.toml"
    space.write_text(SPACE)
    path.write_text(PROFILE + FAILURES)
    profile, chance = load_profile(str(path)), random.Random(seed)
    published: set[tuple[str, str]] = set()
    kills = 0
    while True:
        simulation = Simulation(profile)
        engine = simulation.engine
        assert isinstance(engine, Mortal)
        engine.tally.published = published
        engine.left, engine.late = chance.randint(5, 25), chance.random() < 0.5
        if kills >= MOST_KILLS:
            engine.left = 1_000_000
        request = SearchRequest(
            space=str(space), profile=str(path), trials=TRIALS, resume="small" in list_studies(profile.study_url)
        )
        try:
            run_search(request, world=simulated(simulation))
        except Killed:
            kills += 1
        else:
            break
        assert not +engine.tally.repeated
    assert kills >= 4
    study = open_study("small", profile.study_url)
    found = records(study)
    assert find_faults(study, found, simulation, TRIALS) == []
    assert find_missing(found, ArtifactStore.of(profile.storage)) == []
    assert not +engine.tally.repeated


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_drivers_killed_while_they_confirm_lose_and_repeat_nothing(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("mqn.search.simulation.world.SimulatedEngine", Mortal)
    space, path = tmp_path / "small.toml", tmp_path / "simulate.toml"
    space.write_text(SPACE)
    path.write_text(PROFILE)
    profile, chance = load_profile(str(path)), random.Random(seed)
    published: set[tuple[str, str]] = set()

    def drive(left: int, confirm: int | None, *, late: bool = False) -> None:
        simulation = Simulation(profile)
        engine = simulation.engine
        assert isinstance(engine, Mortal)
        engine.tally.published, engine.left, engine.late = published, left, late
        resume = "small" in list_studies(profile.study_url)
        request = SearchRequest(space=str(space), profile=str(path), trials=6, resume=resume, confirm=confirm)
        try:
            run_search(request, world=simulated(simulation))
        finally:
            assert not +engine.tally.repeated

    drive(1_000_000, None)
    study = open_study("small", profile.study_url)
    members = {point.record.number for point in front(records(study), study.space.objectives).points}
    kills = 0
    while kills < 4:
        with pytest.raises(Killed):
            drive(chance.randint(2, 4), 3, late=chance.random() < 0.5)
        kills += 1
    drive(1_000_000, None)  # What was queued is done without being asked for again.
    found = records(study)
    confirming = [record for record in found if record.confirms is not None]
    assert {record.state for record in found} == {"complete"}
    assert len(found) - len(confirming) == 6
    assert sorted((record.confirms, record.candidate.training.seed) for record in confirming) == sorted(
        (number, seed) for number in members for seed in (1, 2, 3)
    )
    assert find_missing(found, ArtifactStore.of(profile.storage)) == []
