"""Fixtures that every room's tests share."""

from __future__ import annotations

import itertools
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mqn.tflite.flatbuffer import Network

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    folder = REPOSITORY.parent / "shared"
    if not folder.is_dir():
        pytest.skip(
            "needs the folder ../shared (real photographs, pretrained weights, golden values), which is absent here"
        )
    return folder


@pytest.fixture(autouse=True)
def _sync_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test cuts the power: waiting for the disk takes a good part of the time."""
    monkeypatch.setattr("os.fsync", lambda _: None)


_TEST_NUMBERS = itertools.count()


@pytest.fixture(autouse=True)
def _own_home(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A home of its own for every test; a folder is made only for those that use one, for thousands do not."""
    if "tmp_path" in request.fixturenames:
        folder = request.getfixturevalue("tmp_path")
    else:
        folder = tmp_path_factory.getbasetemp() / f"test{next(_TEST_NUMBERS)}"
    monkeypatch.setenv("MQN_HOME", str(folder / "home"))


@pytest.fixture(autouse=True)
def _send_from_here(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests of a room send to MLflow from their own process, which has imported it once."""
    if "integration" not in request.path.parts:
        from tests.support.near_sender import NearSender

        monkeypatch.setattr("mqn.track.sending.delivery.SenderProcess", NearSender)


@pytest.fixture(scope="session")
def tracking_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite database with MLflow's tables and nothing in them, to be copied."""
    from tests.support.made_once import made_once, make_tracking_database

    return made_once(tmp_path_factory, "tracking", make_tracking_database) / "mlflow.db"


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The procedural scenes, prepared: a dataset to train on, or to link into a home (`furnish`)."""
    from tests.support.made_once import made_once, make_scenes

    return made_once(tmp_path_factory, "scenes", make_scenes)


@pytest.fixture(scope="session")
def toy() -> Network:
    from tests.support.toy_network import toy_network

    return toy_network()


@pytest.fixture
def toy_file(toy: Network, tmp_path: Path) -> Path:
    from tests.support.toy_network import write_toy

    return write_toy(toy, tmp_path)


@pytest.fixture
def heard_signals() -> Iterator[None]:
    """Signals as a terminal's processes have them: who starts tests in the background may have them ignored."""
    heard = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in heard.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """`--dist loadgroup` means groups of ours: see `GroupScheduling`."""
    from tests.support.scheduling import GroupScheduling

    return GroupScheduling(config, log) if config.getoption("dist") == "loadgroup" else None


@pytest.fixture(autouse=True)
def _no_connections_of_another_test() -> None:
    """s3fs keeps connections to the server that it found first, and each test may have a server of its own."""
    if (s3fs := sys.modules.get("s3fs")) is not None:
        s3fs.S3FileSystem.clear_instance_cache()
