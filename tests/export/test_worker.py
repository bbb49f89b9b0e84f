from __future__ import annotations

import io
import json

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


def test_a_fault_of_ours_is_loud() -> None:
    with pytest.raises(KeyError):
        serve(io.StringIO('{"function": "absent", "arguments": {}}\n'), io.StringIO())
