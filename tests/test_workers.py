from __future__ import annotations

import contextlib
import subprocess
import sys
from functools import partial
from pathlib import Path

import psutil
import pytest

from mqn.errors import DiskError
from mqn.logs.capture import capturing
from mqn.workers import EndedError, Worker


def test_errors_come_back_as_what_they_were() -> None:
    worker = Worker(partial, eval)
    worker.start("__import__('builtins').open('/proc/self/mem', 'rb').read(1)")
    with pytest.raises(DiskError, match=r"^Input/output error"):
        worker.receive()
    assert worker.alive
    worker.close()
    assert not worker.alive


def test_an_exception_of_another_kind_ends_it_with_its_last_words() -> None:
    worker = Worker(partial, eval, keep_words=True)
    worker.start("[{}['absent']]")
    with pytest.raises(EndedError, match=r"^its process ended with code 1: .*KeyError: 'absent'$"):
        worker.receive()
    worker.close()


def test_the_log_that_is_written_gets_what_a_worker_says(tmp_path: Path) -> None:
    worker = Worker(partial, eval, keep_words=True)
    say = "[print('{}'), {}]"
    try:
        for name, rest in (("first", "1"), ("second", "open('/proc/self/mem', 'rb').read(1)")):
            with contextlib.suppress(DiskError), capturing(tmp_path / name, name):
                worker.start(say.format(name, rest))
                while not worker.receive()[0]:
                    pass
    finally:
        worker.close()
    first, second = ((tmp_path / name).read_text() for name in ("first", "second"))
    assert "first\n" in first.splitlines(keepends=True)
    assert "second" not in first
    assert second.index("second\n") < second.index("OSError: [Errno 5] Input/output error")


_PARENT = """
import os, sys
from functools import partial
from pathlib import Path
from mqn.workers import Worker
worker = Worker(partial, eval)
worker.start("(n and __import__('time').sleep(600) for n in range(2))")
worker.receive()
print(worker.pid, flush=True)
sys.stdin.read()
"""


def test_a_worker_ends_in_the_middle_of_its_task_when_its_parent_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        worker = psutil.Process(int(parent.stdout.readline()))
        assert worker.is_running()
        parent.kill()
        worker.wait(timeout=60)


def test_a_task_may_name_a_module_that_became_importable_after_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = Worker(partial, eval)
    worker.start("[1]")
    while not worker.receive()[0]:
        pass
    (tmp_path / "came_later.py").write_text("ANSWER = 42\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    worker.start("[__import__('came_later').ANSWER]")
    assert worker.receive() == (False, 42)
    worker.close()
