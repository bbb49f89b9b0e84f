from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mqn.errors import (
    ConfigError,
    DeviceAwayError,
    SpaceChangedError,
    StudyError,
    UnknownNameError,
    UsageError,
)
from mqn.home import shipped
from mqn.plain_values import shown
from mqn.profile import DeviceProfile, Profile
from mqn.profile_tables.budget import BudgetProfile
from mqn.records import MeasureSettings
from mqn.search.space.space_file import load_space
from mqn.search.storage.lease import drive
from mqn.search.storage.store import connect
from mqn.search.study.driver import SearchRequest, run_search
from mqn.search.study.measuring_conditions import hold_devices
from mqn.search.study.planning import count_trials, plan_study
from mqn.search.study.request import parse_budget
from mqn.search.study.studies import list_studies, open_study


@pytest.fixture(autouse=True)
def _no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    def locate(data: str | None) -> Any:
        return SimpleNamespace(hash=f"hash of {data}", folder=Path("/data"), place="/data")

    monkeypatch.setattr("mqn.data.location.locate", locate)


def request(**changes: Any) -> SearchRequest:
    return SearchRequest(space="smoke", **changes)


LAB = Profile(devices={"a": DeviceProfile(url="https://a", kind="pi"), "b": DeviceProfile(url="https://b")})


def prepare(profile: Profile | None = None, **changes: Any) -> Any:
    profile = profile or Profile()
    return plan_study(request(**changes), profile, "s", profile.study_url).begin(profile.study_url)


def metrics(study: Any) -> list[str]:
    return [objective.metric for objective in study.space.objectives]


@pytest.mark.slow
def test_every_device_has_its_objective():
    study = prepare(LAB)
    assert study.about.targets == ("a", "b")
    assert metrics(study) == ["psnr_tm", "latency_ms/a", "latency_ms/b"]
    assert study.optuna.directions == [2, 1, 1]


@pytest.mark.slow
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


@pytest.mark.slow
def test_resume_keeps_the_targets():
    prepare(LAB, targets=("b",))
    assert prepare(LAB, resume=True).about.targets == ("b",)
    assert prepare(LAB, resume=True, targets=("b",)).about.targets == ("b",)
    with pytest.raises(StudyError, match="is measured on b, not on a; leave --device out"):
        prepare(LAB, resume=True, targets=("a",))


@pytest.mark.slow
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


@pytest.mark.slow
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


def test_of_two_that_begin_at_once_on_different_data_one_is_refused():
    url = Profile().study_url
    first, second = (plan_study(request(data=data), Profile(), "s", url) for data in ("photos", "scenes"))
    assert first.begin(url).about.data_hash == "hash of photos"
    with pytest.raises(StudyError, match="exists already; go on with --resume"):
        second.begin(url)
    assert open_study("s", url).about.data_hash == "hash of photos"


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


def test_a_study_that_is_driven_is_named_with_the_word_that_joins_it():
    prepare()
    store = connect(Profile().study_url)
    with drive(store.database, "s", store.patience):
        with pytest.raises(StudyError, match="study 's' exists already; go on with --resume"):
            run_search(request(study="s"))
        assert len(store.drivers("s")) == 1


def test_start_that_is_refused_leaves_no_study_behind(tmp_path, monkeypatch):
    def dead(self: Any) -> Any:
        raise DeviceAwayError("device local is away")

    monkeypatch.setattr("mqn.search.study.driver.Devices.__enter__", dead)
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
        ({"confirm": 0}, "--confirm 0 must be 1 to 100"),
        ({"confirm": -2}, "--confirm -2 must be 1 to 100"),
        ({"stall": "0"}, "--stall '0': trainings 0 must be at least 1"),
        ({"budget": {"training_hours": 0}}, "--budget training_hours 0 must be a number above 0"),
        ({"hours": -1.0}, "--hours -1 must be a number above 0"),
        ({"hours": 0.0}, "--hours 0 must be a number above 0"),
        ({"hours": float("nan")}, "--hours nan must be a number above 0"),
        ({"hours": float("inf")}, "--hours inf must be a number above 0"),
        ({"budget": {"trainings": 0}}, "--budget trainings 0 must be at least 1"),
        ({"budget": {"epochs": -2}}, "--budget epochs -2 must be at least 1"),
        ({"budget": {"trainings": 1.5}}, "--budget trainings=1.5 must be a whole number"),
        ({"budget": {"gpu_hours": 0}}, "--budget gpu_hours 0 must be a number above 0"),
        ({"budget": {"cpu_hours": float("inf")}}, "--budget cpu_hours inf must be a number above 0"),
        ({"budget": {"traings": 3}}, "--budget traings=3: did you mean 'trainings'"),
        ({"budget": {"hours": 3}}, "--budget hours=3: write --hours 3"),
        ({"accept": ("unstedy",)}, "--accept 'unstedy': did you mean 'unsteady'"),
        ({"accept": ("crashed",)}, "--accept 'crashed': allowed: contended, ok, throttled, unsteady"),
        ({"retry_failed": True}, "--retry-failed goes on with a study: add --resume"),
    ],
)
def test_numbers_and_words_that_mean_nothing(changes, message):
    with pytest.raises(UsageError, match=re.escape(message)):
        request(**changes)


def test_budgets_of_the_command_line():
    assert parse_budget(None) == {}
    assert parse_budget(["trainings=20", "cpu_hours=1.5", "epochs=3e2"]) == {
        "trainings": 20,
        "cpu_hours": 1.5,
        "epochs": 300,
    }
    for word in ("trainings", "trainings=", "trainings=many", "=", "epochs=nan"):
        with pytest.raises(UsageError, match=re.escape(f"--budget {word!r}: write NAME=NUMBER, for example")):
            parse_budget([word])


def test_the_command_line_takes_the_place_of_the_profiles_budget():
    profile = BudgetProfile(trainings=20, cpu_hours=9.0, hours=1.0)
    wanted = request(budget={"trainings": 5, "epochs": 50}, hours=2.0)
    assert wanted.limits(profile) == BudgetProfile(trainings=5, epochs=50, cpu_hours=9.0, hours=2.0)


@pytest.mark.parametrize("given", [{"trials": 0}, {"trials": -1}, {"hours": 0.0}, {"hours": float("nan")}])
def test_budgets_that_mean_nothing(given):
    with pytest.raises(ValueError, match="must be"):
        BudgetProfile(**given)


@pytest.mark.slow
def test_paths_of_a_study_mean_the_same_from_every_folder(tmp_path, monkeypatch):
    space = tmp_path / "mine.toml"
    shutil.copy(shipped("search_spaces", "smoke"), space)
    monkeypatch.chdir(tmp_path)
    url = Profile().study_url
    made = plan_study(SearchRequest(space="mine.toml", data="photos"), Profile(), "s", url).begin(url)
    assert (made.about.space_name, made.about.data) == (str(space), str(tmp_path / "photos"))
    made = plan_study(request(data="s3://bucket/photos"), Profile(), "t", url).begin(url)
    assert (made.about.space_name, made.about.data) == ("smoke", "s3://bucket/photos")


@pytest.mark.slow
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


@pytest.mark.parametrize("weight", [0.0, -1.0, float("nan"), 1e9])
def test_a_weight_that_means_nothing(weight):
    with pytest.raises(UsageError, match=r"--weight = .* must be 0.001 to 1000"):
        request(weight=weight)


def test_a_weight_on_a_ray_of_ones_own_is_refused():
    with pytest.raises(
        UsageError, match="--weight is for a cluster that studies share; 'default' starts a Ray of its own"
    ):
        run_search(request(weight=2.0))


def _space_file(folder: Path, sampler: str) -> str:
    text = f"""{sampler}
[[objectives]]
metric = "psnr_tm"
[[objectives]]
metric = "latency_ms"
[dimensions."training.epochs"]
low = 1
high = 9
"""
    (folder / "mine.toml").write_text(text, encoding="utf-8")
    return str(folder / "mine.toml")


@pytest.mark.slow
def test_a_study_keeps_its_sampler_where_the_file_names_none(tmp_path):
    url, older = Profile().study_url, _space_file(tmp_path, 'sampler = "tpe"')
    assert plan_study(SearchRequest(space=older), Profile(), "s", url).begin(url).space.sampler == "tpe"
    silent = _space_file(tmp_path, "")
    assert plan_study(SearchRequest(space=silent), Profile(), "new", url).space.sampler == "frontier"
    assert plan_study(SearchRequest(space=silent, resume=True), Profile(), "s", url).space.sampler == "tpe"


@pytest.mark.slow
def test_a_sampler_that_cannot_be_imported_begins_no_study(tmp_path):
    space = _space_file(tmp_path, 'sampler = "no_such_module:Sampler"')
    with pytest.raises(ConfigError, match=r"mine\.toml: sampler 'no_such_module:Sampler': cannot import"):
        plan_study(SearchRequest(space=space), Profile(), "s", Profile().study_url)
    assert list_studies(Profile().study_url) == {}


@pytest.mark.slow
def test_a_warm_start_is_checked_before_the_study_begins(tmp_path):
    url, space = Profile().study_url, _space_file(tmp_path, "")
    plan_study(SearchRequest(space=space), Profile(), "earlier", url).begin(url)
    with pytest.raises(UnknownNameError, match="did you mean 'earlier'"):
        plan_study(SearchRequest(space=space, warm_start=("earlyer",)), Profile(), "s", url)
    made = plan_study(SearchRequest(space=space, warm_start=("earlier",)), Profile(), "s", url).begin(url)
    assert made.about.warm_start == ("earlier",)
    with pytest.raises(UsageError, match="--warm-start is for new studies"):
        SearchRequest(space=space, resume=True, warm_start=("earlier",))
