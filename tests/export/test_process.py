"""How the export's process ends: killed, crashed, or by an exception."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from mqn.errors import ExportError, MqnError, ProcessCrashedError, ProcessLostError
from mqn.export.process import ExportProcess, _ended
from mqn.workers import End


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGHUP", "SIGINT"])
def test_a_kill_is_nobodys_fault(name: str) -> None:
    error = _ended("convert", End(-signal.Signals[name]))
    assert type(error) is ProcessLostError
    short = "; perhaps memory was short" if name == "SIGKILL" else ""
    assert str(error) == f"convert: its process was killed ({name}){short}; its last words: it said nothing"


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL"])
def test_a_crash_is_told_apart(name: str) -> None:
    error = _ended("convert", End(-signal.Signals[name], "Fatal Python error: Aborted"))
    assert type(error) is ProcessCrashedError
    assert name in str(error)


@pytest.mark.parametrize("code", [1, -signal.SIGABRT])
def test_last_words_about_memory_count(code: int) -> None:
    assert type(_ended("convert", End(code, "what(): std::bad_alloc"))) is ProcessLostError


def test_an_exception_is_the_candidates() -> None:
    assert type(_ended("convert", End(1, "ValueError: no such operator"))) is ExportError


def test_a_process_that_is_killed_while_it_works_is_named(tmp_path: Path) -> None:
    with ExportProcess() as process:
        os.kill(process.pid, signal.SIGKILL)
        with pytest.raises(MqnError) as raised:
            process.run("convert", checkpoint=tmp_path / "none.pt", directory=tmp_path)
        assert type(raised.value) is ProcessLostError
        assert not process.alive
