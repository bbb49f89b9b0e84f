from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest

from mqn.device.backends.isolation import TOKEN_VARIABLE, KillSwitch, run_isolated


def run(folder: Path, code: str, *, timeout: float = 20, switch: KillSwitch | None = None):
    return run_isolated(folder, timeout, switch or KillSwitch(), [sys.executable, "-S", "-c", code])


def test_a_command_that_ends_well(tmp_path: Path) -> None:
    ending = run(tmp_path, "open('left', 'w').write('x')")
    assert (ending.returncode, ending.timed_out) == (0, False)
    assert (tmp_path / "left").read_text() == "x"


def test_last_words_are_kept(tmp_path: Path) -> None:
    ending = run(tmp_path, "raise ValueError('no good')")
    assert ending.description == "exit code 1: ValueError: no good"


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGKILL", "SIGABRT"])
def test_a_signal_is_a_result(tmp_path: Path, name: str) -> None:
    ending = run(tmp_path, f"import os, signal; os.kill(os.getpid(), signal.{name})")
    assert ending.returncode < 0
    assert not ending.timed_out
    assert ending.description == f"killed by {name}"


def test_time_over(tmp_path: Path) -> None:
    ending = run(tmp_path, "import time; time.sleep(60)", timeout=0.2)
    assert ending.timed_out


def test_a_pulled_switch_ends_it_early(tmp_path: Path) -> None:
    switch = KillSwitch()
    threading.Timer(0.2, switch.pull).start()
    ending = run(tmp_path, "import time; time.sleep(60)", switch=switch)
    assert (ending.timed_out, ending.description) == (False, "killed by SIGKILL")


def test_a_switch_pulled_before_ends_it_at_once(tmp_path: Path) -> None:
    switch = KillSwitch()
    switch.pull()
    assert run(tmp_path, "import time; time.sleep(60)", switch=switch).description == "killed by SIGKILL"


def test_nothing_that_it_started_outlives_it(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(60)'])\n"
        "open('child', 'w').write(str(child.pid))"
    )
    assert run(tmp_path, code).returncode == 0
    stat = Path("/proc") / (tmp_path / "child").read_text() / "stat"
    end = time.monotonic() + 10
    while stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] != "Z":
        assert time.monotonic() < end
        time.sleep(0.01)


def test_the_token_stays_with_the_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, "secret")
    assert run(tmp_path, f"import os; assert {TOKEN_VARIABLE!r} not in os.environ").returncode == 0
