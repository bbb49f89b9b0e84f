from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path

import pytest

from mqn.device.agent.queue import exclusion
from mqn.device.agent.queue.exclusion import alone_on, lock_path
from mqn.device.backends.local.isolation import KillSwitch
from mqn.errors import DeviceAwayError, DeviceRefusedError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return lock_path("board-1", tmp_path)


def is_free(path: Path) -> bool:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def test_each_device_has_a_lock_of_its_own(path: Path, tmp_path: Path) -> None:
    assert lock_path("board-2", tmp_path) != path
    with alone_on(path, KillSwitch()):
        assert not is_free(path)
        with alone_on(lock_path("board-2", tmp_path), KillSwitch()):
            pass
    assert is_free(path)


def test_the_second_waits_for_the_first(path: Path) -> None:
    entered, order = threading.Event(), []

    def follow() -> None:
        with alone_on(path, KillSwitch()):
            order.append("second")
            entered.set()

    with alone_on(path, KillSwitch()):
        thread = threading.Thread(target=follow)
        thread.start()
        assert not entered.wait(0.2)
        order.append("first")
    assert entered.wait(10)
    thread.join()
    assert order == ["first", "second"]
    assert is_free(path)


def test_a_switch_ends_the_wait(path: Path) -> None:
    switch, done = KillSwitch(), threading.Event()

    def follow() -> None:
        with alone_on(path, switch):
            done.set()

    with alone_on(path, KillSwitch()):
        thread = threading.Thread(target=follow)
        thread.start()
        switch.pull()
        assert done.wait(10)
        thread.join()
        assert not is_free(path)


def test_the_lock_of_another_user_will_do(path: Path) -> None:
    path.write_text("")
    path.chmod(0o444)
    with alone_on(path, KillSwitch()):
        assert not is_free(path)


def test_something_else_in_its_place_is_told(path: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DeviceRefusedError, match="remove that file"), alone_on(path, KillSwitch()):
        pass
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(DeviceRefusedError, match="not a plain file"), alone_on(path, KillSwitch()):
        pass


def test_a_wait_that_breaks_off_is_no_turn(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exclusion, "_WAITER", "import os; os.kill(os.getpid(), 9)")
    with alone_on(path, KillSwitch()), pytest.raises(DeviceAwayError, match="broke off"), alone_on(path, KillSwitch()):
        pytest.fail("two at once")


def test_the_folder_is_one_that_every_user_may_write_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed, shared = tmp_path / "closed", tmp_path / "shared"
    closed.mkdir(mode=0o755)
    shared.mkdir()
    shared.chmod(0o1777)
    monkeypatch.setattr(exclusion, "SHARED_FOLDERS", (tmp_path / "absent", closed, shared))
    assert lock_path("board-1").parent == shared


def test_a_folder_that_takes_no_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(DeviceRefusedError, match="cannot lock the device"),
        alone_on(lock_path("b", tmp_path / "file"), KillSwitch()),
    ):
        pass
