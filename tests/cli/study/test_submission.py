from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mqn.cli.app import build
from mqn.errors import ConfigError
from mqn.profile import Profile, StorageProfile
from mqn.profile_tables.ray import RayProfile
from mqn.search.engine import submission as engine_submission
from mqn.search.engine.submission import SubmittedDriver, check_submittable


class Driver(SubmittedDriver):
    """A driver on a cluster that is not there."""

    def follow(self, write: Any) -> str:
        write("trial 0 ...\n")
        return "SUCCEEDED" if self.id == "good" else "FAILED"


@pytest.fixture
def submitted(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was submitted: words and files. The job's id says how it ends."""
    found: list[Any] = []

    def submit(url: str, profile: Profile, words: list[str], files: dict[str, Path]) -> Driver:
        found.append((words, files))
        return Driver(url=url, id="good" if "smoke" in words else "bad")

    monkeypatch.setattr(engine_submission, "submit_driver", submit)
    return found


def run(*words: str) -> int:
    return int(build()(args=["search", *words], standalone_mode=False) or 0)


def test_the_command_arrives_as_it_was_typed(submitted, capsys, tmp_path):
    run("smoke", "--set", "training.epochs=2", "--set", "a=b c", "--resume", "--trials", "5", "--submit", "http://h:1")
    words = ["search", "smoke", "--trials", "5", "--resume", "--set", "training.epochs=2", "--set", "a=b c"]
    assert submitted == [(words, {})]
    said = capsys.readouterr().err
    assert "follow it with: ray job logs --follow --address http://h:1 good" in said
    assert "stop it with: ray job stop --address http://h:1 good" in said
    assert "trial 0 ..." in said


def test_files_travel_under_their_names(submitted, tmp_path):
    space, profile = tmp_path / "my.toml", tmp_path / "sub" / "my.toml"
    profile.parent.mkdir()
    for path in (space, profile):
        path.write_text("")
    code = run(str(space), "--profile", str(profile), "--submit", "http://h:1")
    assert code == 1  # The driver failed.
    words = ["search", "my.toml", "--profile", "other-my.toml"]
    assert submitted == [(words, {"my.toml": space, "other-my.toml": profile})]


def test_ctrl_c_leaves_the_search_running(submitted, monkeypatch, capsys):
    def interrupt(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(Driver, "follow", interrupt)
    assert run("smoke", "--submit", "http://h:1") == 130
    assert "the search goes on as good" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("ray", "storage", "line"),
    [
        (RayProfile(), StorageProfile(), "ray.address = 'local': a submitted search joins the cluster"),
        (RayProfile(address="auto"), StorageProfile(), "storage.study = .*: a submitted search's own folder goes"),
        (
            RayProfile(address="auto"),
            StorageProfile(study="postgresql+psycopg://db/a"),
            "storage.artifacts = .*set ray.home to a folder that all nodes share",
        ),
    ],
)
def test_what_would_be_lost_is_refused(ray, storage, line):
    with pytest.raises(ConfigError, match=line):
        check_submittable(Profile(ray=ray, storage=storage))


def test_a_folder_that_stays_will_do():
    check_submittable(Profile(ray=RayProfile(address="auto", home="/mnt/mqn")))
