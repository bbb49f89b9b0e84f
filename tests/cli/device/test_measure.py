"""`mqn measure` with a device made by hand: what it asks for, prints and draws."""

from __future__ import annotations

import contextlib
import json

import pytest
from tests.support.records import make_comparison, make_measurement, make_op_profile

from mqn.cli.app import run
from mqn.cli.device.measure import parse_processors, settle
from mqn.cli.device.waiting import Wait
from mqn.device.reference_models import write_trial_model
from mqn.errors import DeviceAwayError, MeasurementError, UnsteadyError, UsageError
from mqn.records import PRESETS, MeasureSettings

OPS = (("Convolution (NHWC, F32) IGEMM", 3.0), ("Convolution (NHWC, F32) IGEMM", 1.0), ("CUSTOM", 0.5))


class FakePool:
    """The only device of any profile; `asked` is what jobs were asked of it."""

    asked: list

    def __init__(self, devices):
        self.devices = devices

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        pass

    @contextlib.contextmanager
    def open(self, target):
        yield next(iter(self.devices)), object()


@pytest.fixture
def device(monkeypatch, tmp_path):
    """Jobs by name as they are asked for; what they come to can be replaced."""
    monkeypatch.setenv("MQN_HOME", str(tmp_path / "home"))
    answers = {"measure": make_measurement(), "compare": make_comparison(), "profile": make_op_profile(*OPS)}
    asked = []

    def job(name):
        def answer(client, files, *rest, on_state, on_wait, bounds):
            asked.append((name, [file.name for file in files], rest[-1]))
            on_wait(1)
            on_state("running")
            if isinstance(answers[name], Exception):
                raise answers[name]
            return answers[name]

        return answer

    monkeypatch.setattr("mqn.device.pool.pool.Pool", FakePool)
    for name in answers:
        monkeypatch.setattr(f"mqn.device.measure.{name}", job(name))
    monkeypatch.setattr("mqn.device.pairing.compare", job("compare"))
    return answers, asked


@pytest.fixture
def model(tmp_path):
    return str(write_trial_model(tmp_path / "m.tflite"))


def test_a_measurement_is_a_table_with_ranges_and_what_it_rests_on(device, model, capsys):
    assert run(["measure", model]) == 0
    shown = capsys.readouterr().out
    assert "board: Board 1, SoC 2, LiteRT 2.3" in shown
    assert "2.008 (1.988 to 2.028)" in shown
    assert "model: xnnpack took 2 of 3 operators in 1 partition; outside: CUSTOM 1" in shown
    assert "peak memory 10.0 MB (VmHWM); without a delegate 12.5 MB" in shown
    assert "machine: load 0.1, 40 °C; cpu/wall 0.99, processors 0 1, 2 processes" in shown
    assert "verdict: ok" in shown


def test_a_pair_has_a_row_a_file_and_one_for_both(device, model, capsys):
    device[0]["measure"] = make_measurement("backbone", "head", verdict="contended", reasons=("others were at work",))
    assert run(["measure", model, model]) == 0
    shown = capsys.readouterr().out
    heads = [line.split()[0] for line in shown.splitlines() if line.startswith("  ") and line.strip()]
    assert heads == ["part", "backbone", "head", "together"]
    assert "verdict: contended: others were at work" in shown


def test_options_become_settings(device, model):
    words = ["--preset", "strict", "--threads", "2", "--processors", "0,1", "--delegate", "none"]
    assert run(["measure", model, *words]) == 0
    ((name, files, settings),) = device[1]
    assert (name, files) == ("measure", ["m.tflite"])
    assert (settings.threads, settings.processors, settings.delegate) == (2, (0, 1), "none")
    assert (settings.runs, settings.seconds) == (PRESETS["strict"].runs, PRESETS["strict"].seconds)


def test_json_is_the_record_with_what_was_asked_for_besides(device, model, capsys):
    assert run(["measure", model, "--profile-ops", "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert plain["latency_ms"]["p50_range"]["low"] < plain["latency_ms"]["p50"]
    assert plain["op_profile"]["ops"][0]["kind"] == OPS[0][0]
    assert run(["measure", model, "--against", model, "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert plain["sentence"] == "B takes 3.1 % longer (2.4 to 3.8 %)"
    assert plain["p50"]["different"] is True


@pytest.mark.slow
def test_against_another_the_sentence_comes_last_and_both_are_drawn(device, model, tmp_path, capsys):
    picture = tmp_path / "new" / "ab.png"
    assert run(["measure", model, "--against", model, "--histogram", str(picture)]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[-3:] == [
        "p50, B over A: 1.031 (1.024 to 1.038), with 95 % confidence",
        "B takes 3.1 % longer (2.4 to 3.8 %)",
        f"written: {picture}",
    ]
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_operators_are_ranked_summed_by_kind_and_kept(device, model, tmp_path, capsys):
    assert run(["measure", model, "--profile-ops"]) == 0
    shown = capsys.readouterr().out
    rows = [line.split() for line in shown.splitlines() if "█" in line]
    assert [row[0] for row in rows[:3]] == ["0", "1", "2"]
    assert rows[3][-4:-1] == ["2", "4.0000", "88.9"]
    assert "CUSTOM, not delegated" in shown
    assert "profiling slows it down" in shown
    assert [path.parent.name for path in (tmp_path / "home" / "profiles").glob("*/*.json")] == ["board"]


def test_a_profile_that_fails_leaves_the_measurement(device, model, capsys):
    device[0]["profile"] = DeviceAwayError("the board is gone")
    assert run(["measure", model, "--profile-ops", "--json"]) == 1
    captured = capsys.readouterr()
    assert json.loads(captured.out)["verdict"] == "ok"
    assert captured.err.splitlines()[-1] == "mqn: the board is gone"


def test_a_picture_that_cannot_be_written_is_refused_before_anything_is_measured(device, model, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    assert run(["measure", model, "--histogram", str(tmp_path / "file" / "ab.png")]) == 2
    assert "cannot make" in capsys.readouterr().err
    assert device[1] == []


def test_a_measurement_that_does_not_count_is_one_line(device, model, capsys):
    device[0]["measure"] = MeasurementError("m.tflite: measured as 'contended' on board (busy); only ok counts")
    assert run(["measure", model, "--histogram", "never.png"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines()[-1].startswith("mqn: m.tflite: measured as 'contended'")


@pytest.fixture
def paired(tmp_path):
    file = tmp_path / "paired.toml"
    file.write_text('[devices.board]\nurl = "http://board:1"\npaired = true\n', encoding="utf-8")
    return str(file)


def test_a_paired_device_times_it_in_turns_with_the_reference_too(device, model, paired, capsys):
    device[0]["measure"] = make_measurement(verdict="contended", reasons=("others were at work",))
    assert run(["measure", model, "--profile", paired]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "verdict: contended: others were at work" in shown
    assert "in turns with the reference model: 1.031 of its time (1.005 to 1.058)" in shown
    assert [(name, files) for name, files, _ in device[1]] == [
        ("measure", ["m.tflite"]),
        ("compare", ["reference.float32.tflite", "reference.int8.tflite"]),
    ]
    assert run(["measure", model, "--profile", paired, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["beside_reference"]["p50"]["value"] == 1.031


def test_a_paired_device_that_is_erratic_shows_what_it_measured_and_fails(device, model, paired, capsys):
    device[0]["compare"] = make_comparison(1.0, 0.8, 1.2)
    assert run(["measure", model, "--profile", paired]) == 1
    captured = capsys.readouterr()
    assert "2.008 (1.988 to 2.028)" in captured.out
    assert "their ratio is known to 20 % only after" in " ".join(captured.err.split())


def test_two_models_on_a_paired_device_need_no_third(device, model, paired):
    assert run(["measure", model, "--against", model, "--profile", paired]) == 0
    assert [name for name, _, _ in device[1]] == ["compare"]


def test_waiting_for_a_turn_is_told(device, model, capsys):
    assert run(["measure", model]) == 0
    assert "local: 1 holds it before us" in capsys.readouterr().err


def test_a_terminal_sees_one_line_that_changes():
    seen = []
    wait = Wait("board", type("Status", (), {"update": lambda self, text: seen.append(text)})())
    wait.begin("measuring")
    wait.turn(2)
    wait.state("running")
    assert seen == ["board: measuring", "board: 2 hold it before us", "board: measuring, running"]


@pytest.mark.parametrize(("text", "numbers"), [(None, None), ("0", (0,)), ("0, 2", (0, 2))])
def test_processors_are_numbers(text, numbers):
    assert parse_processors(text) == numbers


@pytest.mark.parametrize("text", ["", "a", "0,-1", "0;1"])
def test_other_processors_are_wrong_usage(text):
    with pytest.raises(UsageError, match=r"--processors .*for example 0,1"):
        parse_processors(text)


def test_a_preset_changes_how_long_and_not_what_counts():
    settings = settle(MeasureSettings(accept=("ok", "unsteady"), threads=4), "strict", {"threads": None})
    assert (settings.accept, settings.threads, settings.runs) == (("ok", "unsteady"), 4, 1024)
    with pytest.raises(UsageError, match="at least 1"):
        settle(MeasureSettings(), None, {"threads": 0})


@pytest.mark.parametrize(
    "words", [["--preset", "slow"], ["--delegate", "npu"], ["--processors", "x"], ["--histogram", "ab.jpg"]]
)
def test_what_is_not_allowed_is_wrong_usage(words, model, capsys):
    assert run(["measure", model, *words]) == 2
    assert words[1] in capsys.readouterr().err


def unsteady(**changes):
    found = make_measurement(verdict="unsteady", reasons=("processes differ by 14 %",), **changes)
    return UnsteadyError("m.tflite: measured as 'unsteady' on board (processes differ by 14 %); only ok counts", found)


@pytest.mark.slow
def test_figures_that_do_not_count_are_shown_with_their_verdict(device, model, tmp_path, capsys):
    device[0]["measure"] = unsteady()
    picture = tmp_path / "samples.png"
    assert run(["measure", model, "--histogram", str(picture), "--profile-ops"]) == 1
    captured = capsys.readouterr()
    assert "2.008 (1.988 to 2.028)" in captured.out
    assert "verdict: unsteady: processes differ by 14 %" in captured.out
    assert "operator by operator" in captured.out
    assert captured.err.splitlines()[-1].startswith("mqn: m.tflite: measured as 'unsteady'")
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_figures_that_do_not_count_are_in_the_json_with_their_verdict(device, model, capsys):
    device[0]["measure"] = unsteady()
    assert run(["measure", model, "--json"]) == 1
    plain = json.loads(capsys.readouterr().out)
    assert (plain["verdict"], plain["reasons"]) == ("unsteady", ["processes differ by 14 %"])
    assert plain["latency_ms"]["p50"] > 0
    assert plain["parts"][0]["samples_ns"]


def test_a_comparison_that_does_not_count_is_shown_too(device, model, capsys):
    found = make_comparison(verdict="contended", reasons=("others were at work",))
    device[0]["compare"] = UnsteadyError("m.tflite against m.tflite: contended", found)
    assert run(["measure", model, "--against", model]) == 1
    shown = capsys.readouterr().out
    assert "verdict: contended: others were at work" in shown
    assert "B takes 3.1 % longer (2.4 to 3.8 %)" in shown


def test_a_model_that_crashes_has_a_verdict_and_no_figures(device, model, tmp_path, capsys):
    found = make_measurement(verdict="crashed", reasons=("killed by SIGSEGV",), latency_ms=None, parts=())
    device[0]["measure"] = MeasurementError("m.tflite: measured as 'crashed'", found)
    picture = tmp_path / "never.png"
    assert run(["measure", model, "--histogram", str(picture)]) == 1
    captured = capsys.readouterr()
    assert captured.out == "verdict: crashed: killed by SIGSEGV\n"
    assert not picture.exists()
    assert run(["measure", model, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["verdict"] == "crashed"


def test_models_of_one_name_are_told_apart(device, tmp_path, capsys):
    models = [tmp_path / folder / "model.tflite" for folder in "ab"]
    for path in models:
        path.parent.mkdir()
        write_trial_model(path)
    words = ["measure", str(models[0]), "--against", str(models[1])]
    assert run(words) == 0
    shown = capsys.readouterr().out
    assert shown.splitlines()[-1] == "B (b/model.tflite) takes 3.1 % longer (2.4 to 3.8 %) than A (a/model.tflite)"
    assert [line.split()[:2] for line in shown.splitlines() if "model.tflite " in line][:2] == [
        ["A", "a/model.tflite"],
        ["B", "b/model.tflite"],
    ]
    assert run([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["models"] == ["a/model.tflite", "b/model.tflite"]
