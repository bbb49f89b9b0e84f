from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from mqn import home
from mqn.device.pool.targets import match_target
from mqn.errors import ConfigError, UnknownNameError, UsageError
from mqn.profile import (
    DeviceProfile,
    Profile,
    RayProfile,
    StorageProfile,
    TrackingProfile,
    load_profile,
)
from mqn.profile_tables.budget import BudgetProfile
from mqn.profile_tables.metrics import MetricsProfile
from mqn.profile_tables.notify import NotifyProfile
from mqn.profile_tables.retry import RetryProfile
from mqn.records import PRESETS, MeasureSettings


def profile(tmp_path: Path, text: str) -> str:
    path = tmp_path / "p.toml"
    path.write_text(text)
    return str(path)


def test_empty_file_is_the_default_profile(tmp_path: Path) -> None:
    assert load_profile(profile(tmp_path, "")) == Profile()


def test_shipped_default_says_what_the_code_would_do_anyway() -> None:
    assert load_profile("default") == Profile()


def test_shipped_default_names_every_key() -> None:
    text = (home.data_folder("runners") / "default.toml").read_text(encoding="utf-8")
    keys = set(re.findall(r"^(?:# )?(\w+) = ", text, re.MULTILINE))
    tables = (Profile, RayProfile, StorageProfile, TrackingProfile, DeviceProfile, MeasureSettings)
    tables += (RetryProfile, BudgetProfile, MetricsProfile, NotifyProfile)
    nested = {"ray", "storage", "tracking", "devices", "measure", "retry", "budget", "metrics", "notify", "simulate"}
    assert keys == {field.name for table in tables for field in dataclasses.fields(table)} - nested | {"preset"}


def test_what_is_a_comment_in_the_shipped_default_is_a_key_too(tmp_path: Path) -> None:
    text = (home.data_folder("runners") / "default.toml").read_text(encoding="utf-8")
    text = re.sub(r"^# (?=(?!token_file|benchmark_model)\w+ = )", "", text, flags=re.MULTILINE)
    loaded = load_profile(profile(tmp_path, text))
    assert loaded.budget.hours == 8.0
    assert loaded.devices["local"].min_battery_percent == 30.0


@pytest.mark.parametrize("name", ["laptop", "lab"])
def test_shipped_examples_are_whole(name: str) -> None:
    loaded = load_profile(name)
    assert all(match_target(target, loaded.devices) for target in loaded.targets)
    assert loaded.measure.attempts == 5


def test_a_preset_is_what_the_other_keys_start_from(tmp_path: Path) -> None:
    loaded = load_profile(profile(tmp_path, "[measure]\npreset = 'strict'\nthreads = 4"))
    assert loaded.measure == dataclasses.replace(PRESETS["strict"], threads=4)


@pytest.mark.parametrize(
    ("url", "backend", "alone"),
    [
        ("loopback", "local", True),
        ("adb:1A2B", "adb:1A2B", False),
        ("ssh:lab@board", "ssh:lab@board", False),
        ("https://board:8600", None, False),
    ],
)
def test_who_drives_a_device(url: str, backend: str | None, alone: bool) -> None:
    device = DeviceProfile(url=url)
    assert (device.backend, device.alone) == (backend, alone)


def test_home_stands_in_urls(tmp_path: Path) -> None:
    loaded = load_profile(profile(tmp_path, '[storage]\nstudy = "sqlite:///{home}/other.db"'))
    assert loaded.study_url == f"sqlite:///{tmp_path}/home/other.db"
    assert loaded.artifacts == f"{tmp_path}/home/artifacts"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[rai]\ncpus = 1", "unknown key 'rai'; did you mean 'ray'"),
        ("[ray]\ncpu = 1", "unknown key 'ray.cpu'; did you mean 'cpus'"),
        ("[devices.phone]\nurll = 'x'", "'devices.phone.urll'"),
        ("[measure]\nruns = 0", "measure: .*runs"),
        ("[measure]\nseconds = nan", "measure.seconds must be a finite number, not nan"),
        ("[measure]\ntimeout_seconds = inf", "measure.timeout_seconds must be a finite number, not inf"),
        ("[measure]\naccept = ['good']", "allowed: contended"),
        ("devices = {}", "'devices' is empty"),
        ("[measure]\npreset = 'stric'", "measure.preset = 'stric'; did you mean 'strict'"),
        ("[measure]\npreset = 3", "measure.preset = 3; .*allowed: quick, strict"),
        ("measure = 3", "measure must be a table"),
        ("max_age_hours = 0", "max_age_hours must be above 0"),
        ("patience_minutes = -1", "patience_minutes a number that is not below 0"),
        ("patience_minutes = nan", "patience_minutes must be a finite number, not nan"),
        ("[budget]\ntrials = 0", "trials 0 must be at least 1"),
        ("[budget]\nhours = nan", "budget.hours must be a finite number, not nan"),
        ("[devices.'a/b']", "devices.'a/b': a name has letters"),
        ("[devices.a]\nkind = 'b:c'", "devices.a: kind = 'b:c' must be letters"),
        ("[devices.a]\ntags = {soc = 'x/y'}", "devices.a: soc = 'x/y' must be letters"),
        ("[devices.a]\ntoken_env = 'A'\ntoken_file = 'b'", "token_env and token_file are both set"),
        ("[devices.a]\nbenchmark_model = 'b'", "benchmark_model is for adb: and ssh: devices, not for 'loopback'"),
        ("[storage]\nartifacts = '{hom}/a'", "only {home}"),
    ],
)
def test_wrong_keys_are_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load_profile(profile(tmp_path, text))


def test_unknown_profile_lists_what_there_is() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'default'"):
        load_profile("defalt")


def test_home_that_cannot_be_made_is_a_usage_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MQN_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(UsageError, match="set MQN_HOME"):
        home.home()


def test_names_do_not_reach_outside_the_data_folder() -> None:
    with pytest.raises(UnknownNameError):
        home.shipped("runners", "../pyproject")


def test_artifacts_may_lie_behind_a_url_and_their_cache_may_not(tmp_path: Path) -> None:
    assert load_profile(profile(tmp_path, '[storage]\nartifacts = "s3://bucket/a"')).artifacts == "s3://bucket/a"
    with pytest.raises(ConfigError, match=r"storage.artifacts = 's3:/bucket/a' is a URL; only a path"):
        load_profile(profile(tmp_path, '[storage]\nartifacts = "s3:/bucket/a"'))
    with pytest.raises(ConfigError, match=r"storage.cache = 's3://bucket/a' is a URL; only a path"):
        load_profile(profile(tmp_path, '[storage]\ncache = "s3://bucket/a"'))


@pytest.mark.parametrize(("key", "value"), [("cache_gb", "0"), ("cache_gb", "inf"), ("keep_seconds", "-1")])
def test_limits_of_the_cache_are_numbers(key: str, value: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"storage.*{key} .*must be a "):
        load_profile(profile(tmp_path, f"[storage]\n{key} = {value}"))


def test_studies_and_runs_need_a_database_each(tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    both = '[storage]\nstudy = "sqlite:///{home}/one.db"\n[tracking]\nuri = "sqlite:///{home}/one.db"\n'
    with pytest.raises(ConfigError, match=r"storage.study and tracking.uri both name sqlite:///.*give each its own"):
        load_profile(profile(tmp_path, both))
