from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mqn.device.backends.local import backend
from mqn.device.backends.local.backend import LocalBackend
from mqn.device.backends.local.isolation import Ending, KillSwitch
from mqn.device.passes import RESULT_FILE, PassFile, PassRequest, PassResult
from mqn.errors import DeviceRefusedError
from mqn.records import MeasureSettings

WELL = Ending(returncode=0, timed_out=False, last_words="")
MEMORY = {"memory": {"baseline_mb": 50.0, "peak_mb": 9.0, "method": "by hand"}}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    model = tmp_path / "uploaded"
    model.write_bytes(b"a model")
    folder = tmp_path / "pass"
    folder.mkdir()

    def pretend(leave, ending: Ending = WELL, **settings: object) -> PassResult:
        def isolated(where: Path, timeout_seconds: float, switch: KillSwitch, *, threads: int) -> Ending:
            assert (where / "m.tflite").read_bytes() == b"a model"
            leave(where / RESULT_FILE)
            return ending

        monkeypatch.setattr(backend, "run_isolated", isolated)
        request = PassRequest(
            kind="memory", models=((PassFile(part="model", name="m.tflite"),),), settings=MeasureSettings(**settings)
        )
        return LocalBackend().run(request, {"m.tflite": model}, folder, KillSwitch())

    return pretend


def leave_text(text: str):
    return lambda path: path.write_text(text)


def test_an_answer_comes_back(run) -> None:
    assert run(leave_text(json.dumps(MEMORY))).memory.peak_mb == 9.0


@pytest.mark.parametrize(
    ("ending", "verdict", "words"),
    [
        (Ending(returncode=-11, timed_out=False, last_words=""), "crashed", "the memory pass: killed by SIGSEGV"),
        (Ending(returncode=-9, timed_out=True, last_words=""), "timeout", "more than 60 s (timeout_seconds)"),
        (Ending(returncode=1, timed_out=False, last_words="MemoryError"), "crashed", "exit code 1: MemoryError"),
    ],
)
def test_how_a_process_ends_is_a_result(run, ending: Ending, verdict: str, words: str) -> None:
    failure = run(leave_text(json.dumps(MEMORY)), ending).failure
    assert failure.verdict == verdict
    assert words in failure.reason


def leave_fifo(path: Path) -> None:
    os.mkfifo(path)


def leave_link(path: Path) -> None:
    (path.parent / "elsewhere").write_text(json.dumps(MEMORY))
    path.symlink_to("elsewhere")


def leave_too_much(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(backend.MAX_RESULT_BYTES + 1)


@pytest.mark.parametrize("leave", [leave_fifo, leave_link, leave_too_much, lambda path: None])
def test_only_a_plain_file_of_a_sane_size_is_an_answer(run, leave) -> None:
    failure = run(leave).failure
    assert failure.verdict == "crashed"
    assert "left no result that makes sense" in failure.reason


@pytest.mark.parametrize("delegate", ["gpu", "nnapi"])
def test_delegates_that_are_not_there_are_refused(run, delegate: str) -> None:
    with pytest.raises(DeviceRefusedError, match=f"'{delegate}' is not to be had.*none, xnnpack"):
        run(leave_text(""), delegate=delegate)


def test_processors_that_are_not_there_are_refused(run) -> None:
    with pytest.raises(DeviceRefusedError, match=r"\[4000\] may not be used here"):
        run(leave_text(""), processors=(min(os.sched_getaffinity(0)), 4000))


def test_the_machine_says_who_it_is_and_how_it_is() -> None:
    backend = LocalBackend()
    assert backend.describe().backend == "local"
    assert backend.describe().delegates == ("none", "xnnpack")
    assert backend.state().load_1m is not None
    assert backend.kinds == {"timed", "memory", "profile"}
