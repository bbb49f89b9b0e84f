"""Databases lie in the folder that they are meant to, whatever it is called."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from mqn.errors import UsageError
from mqn.home import home
from mqn.net.database_urls import fill_home, same_database, sqlite_file, sqlite_url
from mqn.profile import Profile

NAMES = ["feature%2Flogin", "50%", "%", "what?now", "a#b", "a b", "Büro", "{home}", "{", "a&b=c+d", "a%20b", "ü%?#{}"]


@pytest.mark.parametrize("name", NAMES)
def test_a_database_url_names_the_file(name: str) -> None:
    folder = Path("/tmp") / name
    for url in (fill_home("sqlite:///{home}/study.db", folder), sqlite_url(folder / "study.db")):
        parsed = make_url(url)
        assert (parsed.database, dict(parsed.query)) == (str(folder / "study.db"), {})
        assert sqlite_file(url) == folder / "study.db"


def test_an_ordinary_folder_stays_as_it_is() -> None:
    assert fill_home("sqlite:///{home}/study.db", Path("/home/me/a b/ü")) == "sqlite:////home/me/a b/ü/study.db"


def test_other_databases_have_no_file() -> None:
    assert sqlite_file("postgresql://me:x@host/study") is None
    assert sqlite_file("https://tracking.example.org") is None


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_optuna_keeps_its_study_in_the_folder(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import optuna

    monkeypatch.setenv("MQN_HOME", str(tmp_path / name))
    optuna.create_study(storage=Profile().study_url, study_name="here")
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == [name, f"{name}/study.db"]


def test_a_new_home_is_its_owners_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MQN_HOME", str(tmp_path / "deep" / "home"))
    assert home().stat().st_mode & 0o777 == 0o700
    (tmp_path / "shared").mkdir(mode=0o755)
    monkeypatch.setenv("MQN_HOME", str(tmp_path / "shared"))
    assert home().stat().st_mode & 0o777 == 0o755


def test_a_home_that_no_database_can_name_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MQN_HOME", str(tmp_path / "a\udcffb"))
    with pytest.raises(UsageError, match="is not UTF-8"):
        home()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("sqlite:////a/b.db", "sqlite+pysqlite:////a/b.db"),
        ("postgresql://u:p@h/db", "postgres+psycopg://u:q@H:5432/db"),
        ("postgresql://localhost/db", "postgresql://127.0.0.1/db"),
    ],
)
def test_two_urls_of_one_database(one, other):
    assert same_database(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("sqlite:////a/b.db", "sqlite:////a/c.db"),
        ("sqlite:////a/b.db", "http://h:5000"),
        ("postgresql://h/db", "postgresql://h/other"),
        ("postgresql://h/db", "postgresql://h:5433/db"),
        ("postgresql://a@h/db", "postgresql://b@h/db"),  # Each may have a schema of its own.
        ("postgresql://h/db", "postgresql://h/db?options=-csearch_path%3Dmlflow"),
        ("postgresql://h:x/db", "http://h:5000"),
    ],
)
def test_two_urls_of_two_databases(one, other):
    assert not same_database(one, other)
