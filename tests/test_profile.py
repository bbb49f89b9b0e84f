from __future__ import annotations

from pathlib import Path

import pytest

from mqn import home
from mqn.errors import ConfigError, UnknownNameError, UsageError
from mqn.profile import Profile, load_profile


def profile(tmp_path: Path, text: str) -> str:
    path = tmp_path / "p.toml"
    path.write_text(text)
    return str(path)


def test_empty_file_is_the_default_profile(tmp_path: Path) -> None:
    assert load_profile(profile(tmp_path, "")) == Profile()


def test_shipped_default_says_what_the_code_would_do_anyway() -> None:
    assert load_profile("default") == Profile()


def test_home_stands_in_urls(tmp_path: Path) -> None:
    loaded = load_profile(profile(tmp_path, '[storage]\nstudy = "sqlite:///{home}/other.db"'))
    assert loaded.study_url == f"sqlite:///{tmp_path}/home/other.db"
    assert loaded.artifacts == tmp_path / "home" / "artifacts"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[rey]\ncpus = 1", "unknown key 'rey'; did you mean 'ray'"),
        ("[ray]\ncpu = 1", "unknown key 'ray.cpu'; did you mean 'cpus'"),
        ("[devices.phone]\nurll = 'x'", "'devices.phone.urll'"),
        ("[measure]\nruns = 0", "measure: .*runs"),
        ("[measure]\naccept = ['good']", "allowed: contended"),
        ("devices = {}", "'devices' is empty"),
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
