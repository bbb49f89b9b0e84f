"""`mqn export --suggest`: what is refused before any work."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from tests.cli.test_app import fails
from tests.records.test_suggestion import TIMES

from mqn.cli.model.export_suggest import settings_of, show_times
from mqn.cli.options import parse_candidate
from mqn.records import Plan


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "--output is missing; name a folder for space.toml"),
        (["--output", "o", "--set", "plan.head=float32"], "--set plan.head: with --suggest only plan.cut, plan.layout"),
        (["--output", "o", "--set", "arch.width=1"], "--set arch.width: with --suggest only plan.cut"),
        (["--output", __file__], "cannot make"),
        (["--output", "o", "--sensitivity"], "--sensitivity and --suggest are two questions; ask one at a time"),
        (["--output", "o", "--audit"], "--audit and --suggest are two questions"),
    ],
)
def test_what_a_suggestion_cannot_take(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    checkpoint = tmp_path / "checkpoint.pt"
    checkpoint.write_bytes(b"nothing")
    code, line = fails(capsys, "export", str(checkpoint), "--suggest", *words)
    assert code == 2
    assert message in line


def test_a_budget_without_a_suggestion_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, line = fails(capsys, "export", str(tmp_path), "--budget", "0.1")
    assert code == 2
    assert "--budget says what a suggested plan may lose; give --suggest too" in line


def test_a_device_without_a_suggestion_or_an_audit_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, line = fails(capsys, "export", str(tmp_path), "--device", "local")
    assert code == 2
    assert "--device says where schemes are timed; give --suggest or --audit too" in line


def test_schemes_of_what_is_quantized_already_are_not_timed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, line = fails(capsys, "export", str(tmp_path), "--audit", "--device", "local")
    assert code == 2
    assert "is quantized already; --device times schemes of a checkpoint.pt" in line


def test_sides_are_told_with_the_scheme_to_take_or_that_none_pays(capsys: pytest.CaptureFixture[str]) -> None:
    show_times(TIMES, 0.1)
    shown = capsys.readouterr().out
    assert "backbone: dynamic_wi8_afp32 is the fastest that loses at most 0.1 dB by itself" in shown
    assert "head: integers bring no speed on this device" in shown
    show_times(TIMES, 0.001)
    assert "backbone: only schemes that lose more than 0.001 dB by themselves are faster" in capsys.readouterr().out


def test_what_is_told_of_a_plan_makes_that_plan() -> None:
    plan = Plan(backbone="static_wi4_ai8", rules="encoder.conv1=float32; head.*=float32", calibration="mse")
    words = shlex.split(settings_of(plan))
    assert words[::2] == ["--set"] * 3
    assert parse_candidate(words[1::2]).plan == plan
    assert settings_of(Plan()) == ""
