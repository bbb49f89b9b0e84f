"""The command line as a user meets it: exit codes, one-line errors, JSON on stdout and nothing else there."""

from __future__ import annotations

import errno
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mqn.cli.app import COMMANDS, run
from mqn.distribution import install_command
from mqn.errors import nearest

HEAVY = ("torch", "tensorflow", "ray", "optuna", "mlflow", "cv2", "skimage", "matplotlib", "plotly", "numpy", "httpx")


def fails(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Run a command that fails: its exit code and its one line."""
    code = run(words)
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = [line for line in captured.err.splitlines() if line and not line.startswith("see: ")]
    assert len(lines) == 1, captured.err
    return code, lines[0]


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in COMMANDS)


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "Usage: mqn " + command in shown
    if command not in ("bundle", "data", "devices"):
        assert "Example: " in shown


@pytest.mark.slow
def test_help_loads_no_heavy_library() -> None:
    code = (
        "import sys; from mqn.cli.app import run; run(['--help'])\n"
        f"print('LOADED', sorted(set(sys.modules) & set({HEAVY!r})), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "LOADED []" in done.stderr


def test_help_imports_no_command() -> None:
    code = (
        "import sys; from mqn.cli.app import COMMANDS, run; run(['--help'])\n"
        "names = [f'mqn.cli.{folder}.{name}' for name, (folder, _) in COMMANDS.items()]\n"
        "print('LOADED', sorted(set(names) & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "LOADED []" in done.stderr


@pytest.mark.parametrize(
    ("words", "line", "advice"),
    [
        (["serach", "x"], "'serach'. Did you mean 'search'?", "see: mqn --help"),
        (["data", "prepair"], "'prepair'. Did you mean 'prepare'?", "see: mqn data --help"),
        (["export", "x", "--senstivity"], "--sensitivity", "see: mqn export --help"),
        (["--verison"], "--version", "see: mqn --help"),
        (["train", "--output"], "'--output'", "see: mqn train --help"),
        (["ablate", "attnetion"], "did you mean 'attention'", ""),
        (["front", "s", "--board", "defalt"], "did you mean 'default'", ""),
        (["score", "do-nothing", "--metrics", "psnr_tmm"], "'psnr_tm'", ""),
        (["nonsense"], "No such command 'nonsense'", "see: mqn --help"),
    ],
)
def test_a_typo_is_met_with_what_was_meant_and_help_that_exists(
    words: list[str], line: str, advice: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 2
    said = capsys.readouterr().err.splitlines()
    assert line in said[0]
    assert said[1:] == ([advice] if advice else [])
    assert not advice or run(advice.removeprefix("see: mqn ").split()) == 0


@pytest.mark.parametrize("words", [[], ["data"], ["agent"], ["devices"]])
def test_a_bare_name_shows_help_and_no_error(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    run(words)
    shown = capsys.readouterr()
    assert "Commands" in shown.out
    assert "mqn:" not in shown.err


def test_a_long_list_is_told_by_its_nearest_names_and_where_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    _, line = fails(capsys, "select", "s", "--by", "psnr_tmm")
    assert "did you mean 'psnr_tm'" in line
    assert line.endswith("all of them: mqn describe --metrics")
    assert len(line) < 150
    _, line = fails(capsys, "select", "s", "--by", "zzz")
    assert "none of the" in line
    assert nearest("b", ["a1", "b1"]) == "did you mean 'b1'? allowed: a1, b1"


@pytest.mark.slow
def test_describe_is_short_and_lists_cuts_and_metrics_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["describe"]) == 0
    assert len(capsys.readouterr().out.splitlines()) < 12
    assert run(["describe", "--cuts"]) == 0
    assert "backbone.decoder.conv2" in capsys.readouterr().out
    assert run(["describe", "--metrics", "--json"]) == 0
    named = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)["metrics"]}
    assert (named["psnr_tm"]["unit"], named["latency_ms"]["direction"]) == ("dB", "minimize")


def test_unknown_command_and_option_are_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert fails(capsys, "serch")[0] == 2
    code, line = fails(capsys, "describe", "--widht", "3")
    assert code == 2
    assert "--widht" in line


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("arch.atention=ca", "did you mean 'attention'"),
        ("arch.attention=cx", "allowed: ca, csa, none, sa"),
        ("arch.attention", "write KEY=VALUE"),
        ("arch.input_size=100", "multiple of 32"),
    ],
)
def test_wrong_setting_is_wrong_usage(setting: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, line = fails(capsys, "describe", "--set", setting)
    assert code == 2
    assert words in line


@pytest.mark.slow
def test_describe_gives_the_documented_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["describe", "--set", "arch.attention=ca", "--json"]) == 0
    described = json.loads(capsys.readouterr().out)
    assert described["parameters"] == {"backbone": 899240, "head": 1872, "total": 901112}
    assert round(described["macs"]["backbone"] / 1e9, 4) == 0.4335
    assert round(described["macs"]["head"] / 1e9, 4) == 0.1191
    assert "interface" in described["cuts"]


@pytest.mark.parametrize("command", ["status", "front"])
def test_unknown_study_is_wrong_usage(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, line = fails(capsys, command, "nothing")
    assert code == 2
    assert "no study 'nothing'" in line


def test_unknown_metric_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    code, line = fails(capsys, "select", "s", "--by", "psnr")
    assert code == 2
    assert "no metric 'psnr'" in line
    code, line = fails(capsys, "select", "s", "--by", "psnr_tm", "--max", "latency=3")
    assert code == 2
    assert "did you mean 'latency_ms'" in line


def test_unknown_device_and_profile_are_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fails(capsys, "devices", "list", "--profile", "defalt") == (
        2,
        fails(capsys, "devices", "list", "--profile", "defalt")[1],
    )
    (tmp_path / "m.tflite").write_bytes(b"x")
    code, line = fails(capsys, "measure", str(tmp_path / "m.tflite"), "--device", "phone")
    assert code == 2
    assert "no device 'phone'" in line


def test_missing_data_folder_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, line = fails(capsys, "data", "prepare", str(tmp_path / "absent"), "--output", str(tmp_path / "out"))
    assert code == 1
    assert "absent" in line


def test_convert_refuses_what_it_cannot_read_or_write(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, line = fails(capsys, "convert", str(tmp_path / "no.jpg"), "--model", "m", "--output", "o.exr")
    assert (code, "no picture at" in line) == (2, True)
    (tmp_path / "a.jpg").write_bytes(b"")
    code, line = fails(capsys, "convert", str(tmp_path / "a.jpg"), "--model", "m", "--output", "o.gif")
    assert (code, "cannot write .gif" in line.replace("'", "")) == (2, True)
    code, line = fails(capsys, "convert", str(tmp_path / "a.jpg"), "--model", str(tmp_path / "m"), "--output", "o.exr")
    assert (code, "no exported model at" in line) == (1, True)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            OSError(errno.EOPNOTSUPP, "Operation not supported", "/far/.lock"),
            "(/far/.lock): the file system cannot lock",
        ),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device: make room there"),
        (PermissionError(errno.EACCES, "Permission denied", "/far/x"), "cannot use /far/x: permission denied"),
        (NotImplementedError("FileSystem does not appear to support flock"), "does not appear to support flock"),
    ],
)
def test_a_fault_of_the_disk_is_one_line(
    error: Exception, words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_name: str) -> None:
        raise error

    monkeypatch.setattr("mqn.cli.study.status.load_profile", fail)
    code, line = fails(capsys, "status")
    assert code == 1
    assert words in line


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_and_a_polite_kill_end_any_command_with_a_word(
    number: int, heard_signals: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mqn.cli.study.status.load_profile", lambda _: signal.raise_signal(number))
    assert fails(capsys, "status") == (130, "mqn: interrupted")


def test_where_a_table_goes_is_checked_before_hours_of_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("mine")
    code, line = fails(capsys, "ablate", "attention", "--csv", str(tmp_path / "file" / "t.csv"))
    assert (code, "cannot make" in line) == (2, True)
    code, line = fails(capsys, "ablate", "attention", "--markdown", str(tmp_path))
    assert (code, "is a folder" in line) == (2, True)


def test_traceback_is_shown_only_when_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["status", "nothing", "--traceback"]) == 2
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_a_missing_extra_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    monkeypatch.delitem(sys.modules, "mqn.search.study.studies", raising=False)
    code, line = fails(capsys, "status", "any")
    assert (code, line.endswith(install_command("all"))) == (1, True)


@pytest.mark.parametrize("named", ["file", "file/inner"])
def test_an_output_that_is_no_folder_is_told_in_one_line(
    named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("mine")
    code, line = fails(capsys, "train", "--output", str(tmp_path / named))
    assert code == 2
    assert line.startswith(f"mqn: cannot make {tmp_path / named}: ")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_command_that_only_looks_makes_no_database(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MQN_HOME", str(tmp_path / "home"))
    assert run(["status"]) == 0
    assert "no study yet" in capsys.readouterr().out
    for words in (["status", "tiny"], ["front", "tiny"]):
        assert fails(capsys, *words)[1].startswith("mqn: no study 'tiny'")
    assert list((tmp_path / "home").iterdir()) == []


def test_a_home_that_is_set_to_nothing_is_as_if_unset(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MQN_HOME", "")
    assert run(["status"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == [".mqn"]
    capsys.readouterr()
    monkeypatch.setenv("MQN_HOME", "~nobodybythisname/mqn")
    assert fails(capsys, "status") == (
        2,
        "mqn: MQN_HOME=~nobodybythisname/mqn: there is no such user; set it to a folder",
    )


@pytest.mark.parametrize("words", [["--profile", "{}"], ["--profile={}"]])
def test_no_password_of_an_address_among_the_words_is_told(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    _, line = fails(capsys, "status", *(word.format("postgresql://u:it's marked@h/x") for word in words))
    assert "marked" not in line
    assert "postgresql://" in line
