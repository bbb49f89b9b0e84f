"""What integration tests share, and their order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.scheduling import place_of

if TYPE_CHECKING:
    from tests.support.rigs.browser import Browser
    from tests.support.rigs.line import Line
    from tests.support.watched_study import WatchedStudy

    from mqn.export.process import ExportProcess

MANY = 10_000
"""Trials of the largest study that the dashboard's tests look at."""


@pytest.fixture(scope="session")
def exporter() -> Iterator[ExportProcess]:
    """One export process for all: it takes long to import TensorFlow."""
    from mqn.export.process import ExportProcess

    with ExportProcess() as exporter:
        yield exporter


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One Chromium for all tests of the dashboard."""
    from tests.support.rigs.browser import Browser

    with Browser(tmp_path_factory.mktemp("browser")) as made:
        yield made


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of the studies that dashboards show."""
    return tmp_path_factory.mktemp("dashboard")


@pytest.fixture(scope="session")
def grown(home: Path) -> WatchedStudy:
    """A study of eighty trials that a driver works on."""
    from tests.support.watched_study import WatchedStudy

    watched = WatchedStudy("grown", f"sqlite:///{home}/study.db", constraint=24.0)
    for _ in range(80):
        watched.add()
    watched.add(state="failed", error="train: the loss is not finite at epoch 3", figures={}, verdicts={})
    watched.say()
    return watched


@pytest.fixture(scope="session")
def told(home: Path, grown: WatchedStudy) -> WatchedStudy:
    """A study whose trials say all that panels show: times, rungs, curves, pictures, measurements."""
    from tests.support.told_study import make_told_study

    return make_told_study(grown.store.url, home)


@pytest.fixture(scope="session")
def device_line() -> Iterator[Line]:
    """The way to the agent of the device `board`; it leads nowhere until a test starts an agent."""
    from tests.support.rigs.line import Line

    line = Line(0)
    yield line
    line.close()


@pytest.fixture(scope="session")
def served(home: Path, grown: WatchedStudy, told: WatchedStudy, device_line: Line, browser: Browser) -> Iterator[str]:
    """The address of a dashboard of three studies, one of them of ten thousand trials."""
    import psutil
    from tests.support.many_trials import fill
    from tests.support.rigs.dashboard import Dashboard
    from tests.support.rigs.waiting import wait_until
    from tests.support.watched_study import WatchedStudy

    many = WatchedStudy("many", grown.store.url)
    fill(many.study, MANY)
    profile = home / "lab.toml"
    url, token = f"http://127.0.0.1:{device_line.port}", home / "token"
    token.write_text("the agent's, which is not there yet\n")
    profile.write_text(f'[devices.board]\nurl = "{url}"\ntoken_file = "{token}"\n')
    with Dashboard(home, "grown", "many", "told", "--profile", str(profile)) as dashboard:
        process = psutil.Process(dashboard.process.pid)
        yield dashboard.address
        browser.go("about:blank")
        wait_until(lambda: process.cpu_percent(0.5) < 20, 60, "the answers that were on their way")
    assert dashboard.process.returncode == 0, dashboard.errors
    assert "Traceback" not in dashboard.errors


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: place_of(item.nodeid))
