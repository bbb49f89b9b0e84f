from __future__ import annotations

import pytest

from mqn.cli.app import run
from mqn.cli.study.select import parse_devices
from mqn.errors import UsageError


def test_devices_are_given_one_by_one_or_together():
    assert parse_devices(None) == ()
    assert parse_devices(["board", "phone, board"]) == ("board", "phone")
    with pytest.raises(UsageError, match="--device 'board,'"):
        parse_devices(["board,"])


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--alias", "champions"], "champions"),
        (["--alias", "champion", "--no-register"], "--no-register leaves nothing to give it to"),
        (["--top", "0"], "--top"),
        (["--device", "board,,phone"], "write a device's name"),
    ],
)
def test_wrong_words_are_told_before_the_work(words, line, capsys):
    assert run(["select", "s", *words]) == 2
    assert line in capsys.readouterr().err
