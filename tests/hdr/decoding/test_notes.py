"""Notes of files in lines that a person reads."""

from __future__ import annotations

from mqn.hdr.decoding.notes import grouped, plain


def test_files_with_the_same_note_share_a_line() -> None:
    notes = {f"{index}.exr": ("cropped", "adapted") if index == 1 else ("adapted",) for index in range(6)}
    assert grouped(notes) == ["0.exr, 1.exr, 2.exr and 3 more: adapted", "1.exr: cropped"]
    assert grouped({"a": ("x",), "b": ("x",), "c": ("x",), "d": ("x",)}) == ["a, b, c, d: x"]
    assert grouped({"a": ()}) == []


def test_names_out_of_files_are_one_plain_line() -> None:
    assert plain("a\x1b[31m\nb\t c") == "a [31m b c"
    assert len(plain("x" * 999)) == 80
