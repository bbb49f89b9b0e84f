from __future__ import annotations

import os
import signal
import socket
from collections import deque
from functools import partial

import pytest

from mqn.scoring.judging.pool import Answer, Death, Pool

EXIT = "__import__('os')._exit(3)"
KILL = "__import__('os').kill(__import__('os').getpid(), 9)"


def test_tasks_are_answered_in_their_order() -> None:
    with Pool[str](partial, eval, workers=2) as pool:
        events = list(pool.work(deque(["[1, 2]", "[]", "'xy'"])))
    assert all(isinstance(event, Answer) for event in events)
    by_task = {task: [e.value for e in events if e.task == task] for task in ("[1, 2]", "[]", "'xy'")}
    assert by_task == {"[1, 2]": [1, 2], "[]": [], "'xy'": ["x", "y"]}
    assert [e.place for e in events if e.task == "[1, 2]"] == [0, 1]


def test_a_death_costs_one_task_and_says_where() -> None:
    dying = f"(n if n < 2 else {EXIT} for n in range(9))"
    with Pool[str](partial, eval, workers=1) as pool:
        events = list(pool.work(deque([dying, "[7]", KILL, "[8]"])))
    assert events == [
        Answer(dying, 0, 0),
        Answer(dying, 1, 1),
        Death(dying, 2, "its process ended with code 3"),
        Answer("[7]", 0, 7),
        Death(KILL, 0, "its process was killed (SIGKILL); perhaps memory was short"),
        Answer("[8]", 0, 8),
    ]


def test_a_death_in_the_middle_of_an_answer_is_one_too() -> None:
    task = "(n and bytes(50_000_000) or __import__('os').getpid() for n in range(2))"
    with Pool[str](partial, eval, workers=1) as pool:
        events = pool.work(deque([task]))
        first = next(events)
        assert isinstance(first, Answer)
        # The second answer is too large to be on its way as a whole; more of it than its length has come.
        with socket.socket(fileno=os.dup(pool._seats[0].worker.connection.fileno())) as pipe:
            while len(pipe.recv(64, socket.MSG_PEEK)) < 64:
                pass
        os.kill(first.value, signal.SIGKILL)
        assert list(events) == [Death(task, 1, "its process was killed (SIGKILL); perhaps memory was short")]


def test_tasks_may_be_added_at_any_event() -> None:
    tasks = deque(["[1]"])
    with Pool[str](partial, eval, workers=1) as pool:
        values = []
        for event in pool.work(tasks):
            assert isinstance(event, Answer)
            values.append(event.value)
            if event.value == 1:
                tasks.append("[2]")
    assert values == [1, 2]


def test_workers_are_other_processes_of_one_thread() -> None:
    with Pool[str](partial, eval, workers=1) as pool:
        (event,) = pool.work(deque(["[(__import__('os').environ['OMP_NUM_THREADS'], __import__('os').getpid())]"]))
    assert isinstance(event, Answer)
    assert event.value[0] == "1"
    assert event.value[1] != os.getpid()


def test_an_error_by_name_costs_one_task_and_not_the_worker() -> None:
    full = "__import__('builtins').open('/proc/self/mem', 'rb').read(1)"
    with Pool[str](partial, eval, workers=1) as pool:
        (first, death, second) = pool.work(deque(["[__import__('os').getpid()]", full, "[__import__('os').getpid()]"]))
    assert death == Death(full, 0, "Input/output error: the disk or its connection fails")
    assert isinstance(first, Answer)
    assert isinstance(second, Answer)
    assert first.value == second.value


def test_what_a_task_prints_is_no_output_of_the_program(capfd: pytest.CaptureFixture[str]) -> None:
    with Pool[str](partial, eval, workers=1) as pool:
        list(pool.work(deque(["[print('hello')]"])))
    assert capfd.readouterr() == ("", "hello\n")
