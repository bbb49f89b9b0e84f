"""`mqn doctor --family`: a table of checks for a family of ours and for one from outside."""

from __future__ import annotations

import json

import pytest
from tests.support import own_family

from mqn.cli.app import run
from mqn.cli.system import doctor_family
from mqn.models.family_suite import CHECKS


@pytest.fixture(autouse=True)
def exported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_family, "_export", lambda family: f"{family.name} exported")


def test_a_family_from_outside_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--family", own_family.NAME, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["family"] == own_family.NAME
    assert [(row["check"], row["passed"]) for row in found["checks"]] == [(name, True) for name in (*CHECKS, "export")]


@pytest.mark.slow
def test_a_table_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--family", "mqn"]) == 0
    text = capsys.readouterr().out
    assert "mqn: MQN" in text
    assert all(name in text for name in CHECKS)
    assert " NO " not in text


def test_a_family_that_breaks_the_contract_is_told_and_nothing_is_exported(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--family", own_family.BROKEN_NAME, "--json"]) == 1
    rows = {row["check"]: row for row in json.loads(capsys.readouterr().out)["checks"]}
    assert (rows["gradients"]["passed"], rows["gradients"]["detail"]) == (
        False,
        "no gradient reaches spare.weight, spare.bias",
    )
    assert rows["export"]["detail"] == "not tried while other checks fail"


def test_no_such_family_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--family", "expandnt"]) == 2
    assert "no family 'expandnt'; did you mean 'expandnet'?" in capsys.readouterr().err
