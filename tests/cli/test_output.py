import json

import pytest

from mqn.cli import output

HOSTILE = "\x1b[2Jgone[red]\udcff\x85"
SHOWN = r"\x1b[2Jgone[red]\xff\x85"


def test_lines_notes_and_errors_show_what_others_wrote(capsys: pytest.CaptureFixture[str]) -> None:
    output.line(HOSTILE)
    output.note(HOSTILE)
    output.error(HOSTILE)
    told = capsys.readouterr()
    assert told.out == f"{SHOWN}\n"
    assert told.err == f"{SHOWN}\nmqn: {SHOWN}\n"


def test_a_table_keeps_a_cell_to_its_row(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(["name", "ms"], [[f"{HOSTILE}\nverdict: ok", "1"]], title=HOSTILE)
    told = capsys.readouterr().out
    assert rf"{SHOWN}\nverdict: ok" in told
    assert "\x1b" not in told


def test_a_cell_of_lines_has_them_below_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(["name", "SSIM-TM"], [["one", ("0.812", "0.757 to 0.862\nmore")]])
    *_, first, second = (line.strip() for line in capsys.readouterr().out.splitlines() if line.strip())
    assert first.split() == ["one", "0.812"]
    assert second == r"0.757 to 0.862\nmore"


def test_a_document_is_plain_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    output.document({"name": HOSTILE})
    told = capsys.readouterr().out
    assert told.isascii()
    assert "\x1b" not in told
    assert json.loads(told) == {"name": HOSTILE}
