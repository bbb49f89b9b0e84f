from __future__ import annotations

import errno
import io
import json
import subprocess
import sys

import pytest

from mqn.errors import PlanError
from mqn.export import worker
from mqn.export.worker import PREFIX, serve


def test_answers_come_in_order_and_errors_do_not_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def divide(arguments: dict[str, int]) -> float:
        if arguments["by"] == 0:
            raise PlanError("0 divides nothing; give another number")
        return arguments["what"] / arguments["by"]

    monkeypatch.setitem(worker.JOBS, "divide", divide)
    jobs = [{"function": "divide", "arguments": {"what": 6, "by": by}} for by in (3, 0, 2)]
    answers = io.StringIO()
    serve(io.StringIO("".join(json.dumps(job) + "\n" for job in jobs)), answers)
    assert [json.loads(line.removeprefix(PREFIX)) for line in answers.getvalue().splitlines()] == [
        {"result": 2.0},
        {"error": "PlanError", "message": "0 divides nothing; give another number"},
        {"result": 3.0},
    ]


def test_a_full_disk_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def write(arguments: dict[str, str]) -> None:
        raise OSError(int(arguments["errno"]), "No space left on device")

    monkeypatch.setitem(worker.JOBS, "write", write)
    job = {"function": "write", "arguments": {"directory": "/home/artifacts", "errno": errno.ENOSPC}}
    answers = io.StringIO()
    serve([json.dumps(job)], answers)
    assert json.loads(answers.getvalue().removeprefix(PREFIX)) == {
        "error": "DiskError",
        "message": "write in /home/artifacts: No space left on device: make room there",
    }
    job["arguments"]["errno"] = errno.ENOENT
    with pytest.raises(OSError, match="No space"):
        serve([json.dumps(job)], answers)


def test_a_fault_of_ours_is_loud() -> None:
    with pytest.raises(KeyError):
        serve(io.StringIO('{"function": "absent", "arguments": {}}\n'), io.StringIO())


_BUSY_FOR_EVER = """
import sys, threading
from mqn.export.worker import while_asked
for line in while_asked(sys.stdin):
    print(line, end="", flush=True)
    threading.Event().wait()
"""


def test_nobody_who_waits_nobody_who_works() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _BUSY_FOR_EVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("a job\n")
        process.stdin.flush()
        assert process.stdout.readline() == "a job\n"
        assert process.poll() is None
        process.stdin.close()
        assert process.wait(timeout=60) == 0
