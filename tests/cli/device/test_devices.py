"""`mqn devices` with a pool made by hand: one device that works, one that is away."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace

import pytest
from tests.support.records import BOARD, IDLE, make_measurement

from mqn.cli.app import run
from mqn.device.pool.pool import DeviceReport
from mqn.device.wire import Guard, Isolation
from mqn.errors import DeviceAwayError

PROFILE = """
[devices.board]
url = "http://board:8600"
kind = "pi5"
tags = { soc = "BCM2712" }
max_temperature_c = 70.0
[devices.phone]
url = "adb:123"
"""


class FakeAgent:
    """A client, the lease that it gives, and the address that it comes from."""

    def __init__(self, jobs):
        self.jobs = iter(jobs)

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        pass

    def connect(self):
        return self

    def send(self, files):
        self.sent = [file.name for file in files]

    def state(self):
        return IDLE

    def isolation(self):
        return Isolation(guards=(Guard(name="network", holds=False, how="not separated: a test"),))

    @contextlib.contextmanager
    def lease(self, holder, on_wait=None):
        yield self

    def measure(self, files, settings, on_state=None):
        assert [file.name for file in files] == self.sent
        return replace(next(self.jobs), settings=settings)


@pytest.fixture
def lab(monkeypatch, tmp_path):
    """Runs a command on the lab; the board's jobs yield the given measurements."""
    monkeypatch.setenv("MQN_HOME", str(tmp_path / "home"))
    (tmp_path / "lab.toml").write_text(PROFILE)
    agent = FakeAgent([])

    class FakePool:
        def __init__(self, devices):
            self.devices = devices

        def __enter__(self):
            return self

        def __exit__(self, *ignored):
            pass

        def reach(self, targets):
            raise DeviceAwayError("device 'phone': no phone")

        def report(self):
            board = {"name": "board", "kind": "pi5", "url": "http://board:8600", "state": "idle", "info": BOARD}
            phone = {"name": "phone", "kind": "", "url": "adb:123", "state": "away", "error": "no phone"}
            return tuple(DeviceReport(since="2026-01-01T00:00:00Z", **words) for words in (board, phone))

        def address(self, name):
            return agent

        @contextlib.contextmanager
        def open(self, target):
            yield target, agent

    monkeypatch.setattr("mqn.device.pool.pool.Pool", FakePool)

    def command(*words, jobs=()):
        agent.jobs = iter(jobs)
        return run(["devices", *words, "--profile", str(tmp_path / "lab.toml")])

    return command


def p50(value, verdict="ok"):
    whole = make_measurement(verdict=verdict)
    return replace(whole, latency_ms=replace(whole.latency_ms, p50=value))


def test_the_list_tells_how_each_stands(lab, capsys):
    assert lab("list") == 0
    shown = capsys.readouterr().out
    assert [line.split()[:5] for line in shown.splitlines() if "board" in line] == [
        ["board", "pi5", "soc:BCM2712", "http://board:8600", "idle"]
    ]
    assert "phone: no phone" in shown
    assert lab("list", "--json") == 0
    board, phone = json.loads(capsys.readouterr().out)["devices"]
    assert (board["tags"], board["state"], board["info"]["id"]) == ({"soc": "BCM2712"}, "idle", "board")
    assert (phone["state"], phone["info"], phone["repeatability"]) == ("away", None, None)


def test_check_measures_a_tiny_model_and_fails_where_one_device_does(lab, capsys):
    assert lab("check", jobs=[p50(0.5, "unsteady")]) == 1
    captured = capsys.readouterr()
    assert "board: Board 1, SoC 2, 4 cores, Linux, LiteRT 2.3" in captured.out
    assert "local, delegates none xnnpack; now load 0.1, 40 °C" in captured.out
    assert "keeps max_temperature_c 70" in captured.out
    assert "measures: a tiny model in 0.500 ms, unsteady" in captured.out
    assert "mqn devices bench --device board" in captured.out
    assert captured.err == "mqn: phone: no phone\n"


def test_a_device_that_answers_and_cannot_measure_fails(lab, capsys):
    crashed = make_measurement(verdict="crashed", reasons=("the timed pass: killed by signal 11",), latency_ms=None)
    assert lab("check", "--json", jobs=[crashed]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["devices"] == {}
    assert "measured a tiny model as 'crashed' (the timed pass: killed by signal 11)" in answer["failures"]["board"]


@pytest.mark.slow
def test_bench_repeats_models_in_turns_and_what_it_finds_is_shown_from_then_on(lab, tmp_path, capsys):
    jobs = [p50(2.0), p50(1.0), p50(5.0), p50(2.1), p50(1.0), p50(7.0, "contended")]
    assert lab("bench", "--device", "board", "--repeats", "2", "--output", str(tmp_path / "r.png"), jobs=jobs) == 0
    shown = capsys.readouterr().out
    rows = {line.split()[0]: line.split()[1:] for line in shown.splitlines() if line.startswith("  ") and line.strip()}
    assert rows["float32"] == ["2.050", "2.000", "2.100", "4.9", "2", "0"]
    assert rows["int8"][3] == "0.0"
    assert rows["separable"] == ["5.000", "5.000", "5.000", "-", "1", "1", "contended"]
    assert "repeatability: p50 within 4.9 %, 17 % refused" in shown
    assert (tmp_path / "r.png").is_file()
    assert lab("list") == 0
    assert "p50 within 4.9 %, 17 % refused (20" in capsys.readouterr().out


def test_a_model_of_one_s_own_is_benched_and_not_kept(lab, tmp_path, capsys):
    from mqn.device.reference_models import write_trial_model

    model = str(write_trial_model(tmp_path / "mine.tflite"))
    assert lab("bench", "--model", model, "--repeats", "2", "--json", jobs=[p50(2.0), p50(2.0)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in found["models"]] == ["mine.tflite"]
    assert found["spread"] == 0
    assert not (tmp_path / "home" / "devices").exists()


def test_fewer_than_two_repeats_tell_nothing(lab, capsys):
    assert lab("bench", "--repeats", "1") == 2
    assert "--repeats" in capsys.readouterr().err
