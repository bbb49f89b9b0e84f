import io
import os
from collections.abc import Callable

import pytest
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from mqn.text.terminal import encodable, open_console, open_status, printable, text_column

HOSTILE = "\x1b]0;owned\x07[red]x[/red]\x9b2J‮txt \r:smile: \x00end"
SHOWN = r"\x1b]0;owned\x07[red]x[/red]\x9b2J\u202etxt \x0d:smile: \x00end"


def test_what_a_terminal_would_obey_is_written_as_an_escape() -> None:
    assert printable(HOSTILE) == SHOWN
    for code in (*range(0x20), *range(0x7F, 0xA0)):
        if chr(code) not in "\n\t":
            assert printable(chr(code)) == f"\\x{code:02x}"
    for code in (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x2028, 0x2029, 0xFEFF):
        assert printable(f"a{chr(code)}b") == f"a\\u{code:04x}b"
    assert printable("\U000e0041") == r"\U000e0041"


def test_text_of_every_language_stays() -> None:
    for text in ("Straße, 日本語, עברית, می‌خواهم, 👩‍💻 \u00a0 1 000", "one\n\ttwo", ""):
        assert printable(text) == text


def test_bytes_that_are_not_utf8_are_shown() -> None:
    assert printable(os.fsdecode(b"bild\xff\xe4.png")) == r"bild\xff\xe4.png"
    assert printable("\ud800") == r"\ud800"


def test_what_the_stream_has_no_letters_for_is_written_as_an_escape() -> None:
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    assert encodable("é █", narrow) == r"\xe9 \u2588"
    assert encodable("é █", io.StringIO()) == "é █"


def _print(console: Console) -> None:
    console.print(HOSTILE)


def _tabulate(console: Console) -> None:
    table = Table(HOSTILE, title=HOSTILE)
    table.add_row(HOSTILE)
    console.print(table)


def _progress(console: Console) -> None:
    with Progress(text_column(), console=console) as bar:
        bar.add_task(HOSTILE)


@pytest.mark.parametrize("show", [_print, _tabulate, _progress])
def test_rich_shows_text_as_it_is(show: Callable[[Console], None]) -> None:
    out = io.StringIO()
    show(open_console(out))
    assert SHOWN in out.getvalue()
    assert not set(out.getvalue()) & set("\x1b\x07\x9b‮\r\x00")


def test_a_status_shows_text_as_it_is() -> None:
    with open_status(io.StringIO(), HOSTILE) as status:
        assert str(status.status) == SHOWN
        status.update(f"[bold]{HOSTILE}")
        assert str(status.status) == f"[bold]{SHOWN}"


def test_a_console_prints_names_that_its_encoding_lacks() -> None:
    raw = io.BytesIO()
    narrow = io.TextIOWrapper(raw, encoding="ascii")
    open_console(narrow).print("bär\udcff")
    narrow.flush()
    assert raw.getvalue() == b"b\\xe4r\\xff\n"
