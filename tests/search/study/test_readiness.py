from __future__ import annotations

import threading

import pytest
from tests.support.pool_fakes import FakeClock, FakeDevices
from tests.support.search_fakes import grid_definition

from mqn.errors import ConfigError
from mqn.profile import DeviceProfile, Profile, StorageProfile
from mqn.records import MeasureSettings
from mqn.search.artifacts import ArtifactStore
from mqn.search.space.space_file import parse_space
from mqn.search.study import readiness
from mqn.search.study.readiness import reach_store, ready_devices
from mqn.search.work.devices import Devices


def test_a_store_that_takes_long_to_answer_is_named_meanwhile(tmp_path, monkeypatch):
    said: list[str] = []
    told = threading.Event()

    def tell(line: str) -> None:
        said.append(line)
        told.set()

    monkeypatch.setattr(readiness, "_SLOW_SECONDS", 0.0)
    monkeypatch.setattr(ArtifactStore, "identify", lambda _: told.wait(10))
    reach_store(Profile(storage=StorageProfile(artifacts=str(tmp_path / "artifacts"))), tell)
    assert said == [f"waiting for the artifacts at {tmp_path / 'artifacts'}"]


def test_a_store_that_answers_is_not_mentioned(tmp_path):
    said: list[str] = []
    store = reach_store(Profile(storage=StorageProfile(artifacts=str(tmp_path / "artifacts"))), said.append)
    assert store.shown == str(tmp_path / "artifacts")
    assert said == []


def test_devices_of_a_target_tune_only_if_they_are_of_one_kind():
    boards = {name: DeviceProfile(url=f"https://{name}", kind="pi") for name in ("board", "other")}
    fakes = FakeDevices(FakeClock())
    spaces = {tune: parse_space(grid_definition(gate={"tune": tune}), source="t.toml") for tune in ("no", "each")}
    pool = fakes.make(boards)
    fakes.reaches["other"].runtime = "runtime 2"
    profile = Profile(devices=boards)
    with Devices(profile, ["kind:pi"], "tiny", pool=pool) as devices:
        ready_devices(spaces["no"], devices, profile)
        with pytest.raises(ConfigError, match=r"target 'kind:pi' means board and other, .* gate.tune = 'no'"):
            ready_devices(spaces["each"], devices, profile)
    with Devices(profile, ["board", "other"], "tiny", pool=fakes.make(boards)) as devices:
        ready_devices(spaces["each"], devices, profile)
        assert devices.like("other").runtime == "runtime 2"


def test_one_process_alone_tunes_nothing():
    profile = Profile(measure=MeasureSettings(processes=1))
    space = parse_space(grid_definition(gate={"tune": "all"}), source="t.toml")
    with pytest.raises(ConfigError, match=r"measure.processes = 1; set 2 or more"):
        ready_devices(space, Devices(profile, [], "tiny", pool=FakeDevices(FakeClock()).make({})), profile)
