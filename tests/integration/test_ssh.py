"""Boards behind SSH that are not there, or let nobody in; the rest is `test_backends.py`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.device.backends.rigs import Sshd

from mqn.device.backends.opening import open_backend
from mqn.errors import DeviceAwayError, DeviceRefusedError

pytestmark = pytest.mark.integration


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sshd]:
    server = Sshd(tmp_path, monkeypatch)
    yield server
    server.stop()


def _describe(folder: Path) -> None:
    with contextlib.closing(open_backend("ssh:board", folder=folder)) as backend:
        backend.describe()


def test_board_that_is_off_is_away(server: Sshd, tmp_path: Path) -> None:
    with pytest.raises(DeviceAwayError, match=r"ssh:board cannot be reached: .*refused"):
        _describe(tmp_path)


def test_stranger_in_the_boards_place_is_refused(server: Sshd, tmp_path: Path) -> None:
    server.start()
    known = tmp_path / "known_hosts"
    host, kind, _ = known.read_text().split()
    own_key = (tmp_path / "user.pub").read_text().split()[1]
    known.write_text(f"{host} {kind} {own_key}\n")
    with pytest.raises(DeviceRefusedError, match="Host key verification failed"):
        _describe(tmp_path)


def test_board_without_our_key_refuses(server: Sshd, tmp_path: Path) -> None:
    (tmp_path / "user.pub").write_text((tmp_path / "host.pub").read_text())
    server.start()
    with pytest.raises(DeviceRefusedError, match="Permission denied"):
        _describe(tmp_path)
