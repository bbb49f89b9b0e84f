from __future__ import annotations

import os
import re
import shutil
import socket
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mqn.errors import (
    ConfigError,
    DeviceAwayError,
    SpaceChangedError,
    StudyBusyError,
    StudyError,
    UnknownNameError,
    UsageError,
)
from mqn.home import shipped
from mqn.plain_values import shown
from mqn.profile import BudgetProfile, DeviceProfile, Profile, RayProfile
from mqn.records import MeasureSettings
from mqn.search.constancy import hold_devices
from mqn.search.driver import SearchRequest, choose_parallel, run_search
from mqn.search.lease import drive
from mqn.search.request import count_trials, plan_study
from mqn.search.space import load_space, parse_space
from mqn.search.store import connect
from mqn.search.study import list_studies


@pytest.fixture(autouse=True)
def _no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    def locate(data: str | None) -> Any:
        return SimpleNamespace(hash=f"hash of {data}", folder=Path("/data"))

    monkeypatch.setattr("mqn.data.dataset.locate", locate)


def request(**changes: Any) -> SearchRequest:
    return SearchRequest(space="smoke", **changes)


LAB = Profile(devices={"a": DeviceProfile(url="https://a", kind="pi"), "b": DeviceProfile(url="https://b")})


def prepare(profile: Profile | None = None, **changes: Any) -> Any:
    profile = profile or Profile()
    return plan_study(request(**changes), profile, "s", profile.study_url).begin(profile.study_url)


def metrics(study: Any) -> list[str]:
    return [objective.metric for objective in study.space.objectives]


def test_every_device_has_its_objective():
    study = prepare(LAB)
    assert study.about.targets == ("a", "b")
    assert metrics(study) == ["psnr_tm", "latency_ms/a", "latency_ms/b"]
    assert study.optuna.directions == [2, 1, 1]


@pytest.mark.parametrize(
    ("profile", "given", "targets", "latencies"),
    [
        (LAB, ("kind:pi",), ("kind:pi",), ["latency_ms"]),
        (replace(LAB, targets=("b",)), (), ("b",), ["latency_ms"]),
        (replace(LAB, targets=("b",)), ("a", "b"), ("a", "b"), ["latency_ms/a", "latency_ms/b"]),
        (LAB, ("a", "a"), ("a",), ["latency_ms"]),
    ],
)
def test_targets_are_asked_for_or_stand_in_the_profile(profile, given, targets, latencies):
    study = prepare(profile, targets=given)
    assert study.about.targets == targets
    assert metrics(study) == ["psnr_tm", *latencies]


def test_resume_keeps_the_targets():
    prepare(LAB, targets=("b",))
    assert prepare(LAB, resume=True).about.targets == ("b",)
    assert prepare(LAB, resume=True, targets=("b",)).about.targets == ("b",)
    with pytest.raises(StudyError, match="is measured on b, not on a; leave --device out"):
        prepare(LAB, resume=True, targets=("a",))


def test_resume_measures_in_the_same_way():
    pinned = replace(LAB, measure=MeasureSettings(processors=(0, 1)))
    prepare(pinned)
    # How often and how long may change; what the figures are of may not.
    assert prepare(replace(pinned, measure=replace(pinned.measure, runs=99, attempts=9)), resume=True).name == "s"
    with pytest.raises(StudyError, match=r"is measured with processors = \[0, 1\], not \[0\]; set it back under"):
        prepare(replace(LAB, measure=MeasureSettings(processors=(0,))), resume=True)
    with pytest.raises(StudyError, match="is measured with threads = 1, not 2"):
        prepare(replace(LAB, measure=replace(pinned.measure, threads=2)), resume=True)


def test_a_name_goes_on_meaning_the_same_device():
    hold_devices(prepare(LAB, targets=("a", "kind:pi")), {"a": "1"})
    study = prepare(LAB, resume=True)
    hold_devices(study, {"a": "1"})
    with pytest.raises(StudyError, match="was measured on a device 'a' with the id 1, and the profile's has 2"):
        hold_devices(study, {"a": "2"})


def test_a_target_that_no_device_meets():
    with pytest.raises(UnknownNameError, match="no device 'kind:po'; did you mean 'kind:pi'"):
        prepare(LAB, targets=("kind:po",))


def test_resume_keeps_settings_seed_and_data():
    prepare(overrides={"training.epochs": 3}, seed=5)
    study = prepare(resume=True)
    assert study.space.base.training.epochs == 3
    assert study.space.base.training.seed == study.about.seed == 5


def test_resume_with_the_same_settings_again():
    prepare(overrides={"training.epochs": 3}, seed=5)
    assert prepare(resume=True, overrides={"training.epochs": 3}, seed=5).name == "s"


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({}, StudyError, "exists already; go on with --resume"),
        ({"resume": True, "overrides": {"training.epochs": 4}}, SpaceChangedError, "training.epochs was 3, is 4"),
        ({"resume": True, "seed": 6}, StudyError, "seed"),
        ({"resume": True, "data": "photos"}, StudyError, "created on other data"),
    ],
)
def test_study_that_exists(changes, kind, message):
    prepare(overrides={"training.epochs": 3}, seed=5)
    with pytest.raises(kind, match=message):
        prepare(**changes)


def test_number_of_trials():
    smoke = load_space("smoke")
    assert count_trials(request(), Profile(), smoke) == 12
    assert count_trials(request(), Profile(budget=BudgetProfile(trials=5)), smoke) == 5
    assert count_trials(request(trials=7), Profile(budget=BudgetProfile(trials=5)), smoke) == 7
    with pytest.raises(UsageError, match="has 12 points; give at most 12"):
        count_trials(request(trials=13), Profile(), smoke)


def test_study_that_cannot_be_run_is_not_created():
    with pytest.raises(UsageError):
        prepare(trials=99)
    assert prepare().name == "s"


def test_second_driver_is_refused_by_name():
    store = connect(Profile().study_url)
    with drive(store.database, "smoke", store.patience):
        words = f"study 'smoke' is driven by process {os.getpid()} on {socket.gethostname()} since 20"
        with pytest.raises(StudyBusyError, match=words):
            run_search(request())
    assert list_studies(store) == {}


def test_start_that_is_refused_leaves_no_study_behind(tmp_path, monkeypatch):
    def dead(self: Any) -> Any:
        raise DeviceAwayError("device local is away")

    monkeypatch.setattr("mqn.search.driver.Devices.__enter__", dead)
    with pytest.raises(DeviceAwayError):
        run_search(request())
    assert list_studies(Profile().study_url) == {}
    assert not list(tmp_path.rglob("mlflow.db"))
    store = connect(Profile().study_url)
    with drive(store.database, "smoke", store.patience):  # The refused driver holds nothing.
        pass


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trials": 0}, "--trials 0 must be 1 to 1000000"),
        ({"trials": -3}, "--trials -3 must be"),
        ({"trials": 10**21}, "--trials 1000000000000000000000 must be"),
        ({"parallel": 0}, "--parallel 0 must be 1 to 10000"),
        ({"parallel": -1}, "--parallel -1 must be"),
        ({"seed": -1}, "--seed -1 must be 0 to 4294967295"),
        ({"hours": -1.0}, "--hours -1 must be a number above 0"),
        ({"hours": 0.0}, "--hours 0 must be a number above 0"),
        ({"hours": float("nan")}, "--hours nan must be a number above 0"),
        ({"hours": float("inf")}, "--hours inf must be a number above 0"),
        ({"accept": ("unstedy",)}, "--accept 'unstedy': did you mean 'unsteady'"),
        ({"accept": ("crashed",)}, "--accept 'crashed': allowed: contended, ok, throttled, unsteady"),
        ({"retry_failed": True}, "--retry-failed goes on with a study: add --resume"),
    ],
)
def test_numbers_and_words_that_mean_nothing(changes, message):
    with pytest.raises(UsageError, match=re.escape(message)):
        request(**changes)


@pytest.mark.parametrize("given", [{"trials": 0}, {"trials": -1}, {"hours": 0.0}, {"hours": float("nan")}])
def test_budgets_that_mean_nothing(given):
    with pytest.raises(ValueError, match="must be"):
        BudgetProfile(**given)


def test_paths_of_a_study_mean_the_same_from_every_folder(tmp_path, monkeypatch):
    space = tmp_path / "mine.toml"
    shutil.copy(shipped("search_spaces", "smoke"), space)
    monkeypatch.chdir(tmp_path)
    url = Profile().study_url
    made = plan_study(SearchRequest(space="mine.toml", data="photos"), Profile(), "s", url).begin(url)
    assert (made.about.space_name, made.about.data) == (str(space), str(tmp_path / "photos"))
    made = plan_study(request(data="s3://bucket/photos"), Profile(), "t", url).begin(url)
    assert (made.about.space_name, made.about.data) == ("smoke", "s3://bucket/photos")


def test_the_password_of_datas_address_is_not_kept_and_asked_for_again():
    url = "https://me:s3cret@host/photos"
    made = prepare(data=url)
    assert made.about.data == "https://me:***@host/photos"
    with pytest.raises(StudyError, match=r"https://me:\*\*\*@host/photos, whose password is not kept; .* --data"):
        prepare(resume=True)


@pytest.mark.parametrize("name", ["../x", "", " ", "a b", "a/b", "-x", ".x", "x" * 101, "é", "a\n"])
def test_name_that_is_no_file_name(name, tmp_path):
    space = tmp_path / "s.toml"
    space.write_text('name = "a b"\nobjectives = [{ metric = "macs" }]\n')
    with pytest.raises(UsageError, match=f"study {re.escape(shown(name or 'a b'))}: a name has 1 to 100 letters"):
        run_search(SearchRequest(space=str(space), study=name))


def test_loopback_behind_a_ray_client_is_refused(tmp_path):
    profile = tmp_path / "far.toml"
    profile.write_text('[ray]\naddress = "ray://head:10001"\n')
    with pytest.raises(ConfigError, match=r"devices.local is 'loopback', which workers behind ray://head:10001"):
        run_search(request(profile=str(profile)))


def test_all_plans_of_two_networks_are_on_their_way():
    # Two processors, a training takes both: one network trains, the plans of another are exported and measured.
    assert choose_parallel(load_space("smoke"), RayProfile().training_cpus, 2) == 2 * 3
    assert choose_parallel(load_space("smoke"), 1, 4) == 5 * 3
    sampled = parse_space({"name": "s", "objectives": [{"metric": "macs"}]}, source="s")
    assert choose_parallel(sampled, 2, 2) == 2
