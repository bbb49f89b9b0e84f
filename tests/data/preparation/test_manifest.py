"""Manifests as editors and spreadsheets write them: understood, or told by line and column."""

from __future__ import annotations

import codecs

import pytest

from mqn.data.preparation.manifest import Row, parse
from mqn.errors import DataError

FILES = ("one.hdr", "sub/two.exr", "sub/two.jpg", "three.exr", "caf\u00e9.exr", "ldr/one.jpg", "odd\udce9.exr")
PLAIN = "file,source,split\none.hdr,a,train\nsub/two.exr,b,val\nthree.exr,c,train\n"
EXPECTED = [("one.hdr", "a", "train"), ("sub/two.exr", "b", "val"), ("three.exr", "c", "train")]


def read(content: bytes | str) -> list[Row]:
    content = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
    return list(parse(content, "photos/manifest.csv", FILES)[0].values())


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode(),
        PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.replace("\n", "\r").encode(),
        codecs.BOM_UTF8 + PLAIN.encode(),
        PLAIN.encode("utf-16"),
        codecs.BOM_UTF16_BE + PLAIN.encode("utf-16-be"),
        PLAIN.encode("utf-16-le"),
        PLAIN.replace(",", ";").encode(),
        PLAIN.replace(",", "\t").encode(),
        b"sep=;\r\n" + PLAIN.replace(",", ";").encode(),
        PLAIN.replace("/", "\\").encode(),
        PLAIN.replace(",", " , ").encode(),
        PLAIN.replace("file,source,split", "File, SOURCE ,Split").encode(),
        PLAIN.replace("train", "Train").replace("val", "VALIDATION").encode(),
        PLAIN.replace("\n", ",,\n").encode() + b",,,,\n\n\n",
        PLAIN.replace("sub/two.exr", '"sub/two.exr"').encode(),
        PLAIN.replace("sub/two.exr", ' "sub/two.exr"').encode(),
        PLAIN.replace("sub/two.exr", "./sub/../sub/two.exr").encode(),
        PLAIN.replace("sub/two.exr", "SUB/Two.EXR").encode(),
        (PLAIN + "one.hdr,a,train\n").encode(),
    ],
)
def test_what_spreadsheets_write_is_understood(content: bytes) -> None:
    assert [(row.file, row.source, row.split) for row in read(content)] == EXPECTED


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ("file,source\ncafe\u0301.exr,a\n".encode(), ["caf\u00e9.exr"]),
        (b"file,source\ncaf\xe9.exr,a\n", ["caf\u00e9.exr"]),
        (b"file,source\nodd\xe9.exr,a\n", ["odd\udce9.exr"]),
    ],
)
def test_names_in_other_forms_and_encodings_are_those_of_the_folder(text: bytes, files: list[str]) -> None:
    assert [row.file for row in read(text)] == files


def test_inputs_are_relative_to_the_picture() -> None:
    rows = read("file,source,ldr\nsub\\two.exr,a,two.jpg ; ..\\ldr\\one.jpg;\n")
    assert rows[0].inputs == ("sub/two.jpg", "ldr/one.jpg")
    rows = read('file;source;ldr\none.hdr;a;"ldr/one.jpg;sub/two.jpg"\n')
    assert rows[0].inputs == ("ldr/one.jpg", "sub/two.jpg")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,source\na,b\n", "no column 'file'; it has name, source"),
        ("\n\n", "no column 'file' and no column 'source'; it has none"),
        ("file,File,source\na,b,c\n", "line 1: the column 'file' stands there twice"),
        ("file,source\n\n,lake\n", "line 3, column 'file': is empty"),
        ("file,source,split\none.hdr,a,test\n", "line 2: split 'test'; allowed: train, val, or nothing"),
        ("file,source\none.hdr,a\none.hdr,b\n", r"line 3: one.hdr stands there for the second time \(line 2\)"),
        ("file,source\na,b.hdr,c\n", "line 2: has 3 values, there are 2 columns"),
        ("file,source\n../x.hdr,a\n", "line 2, column 'file': '../x.hdr' leads out of the folder"),
        ("file,source\n..\\x.hdr,a\n", "line 2, column 'file': .* leads out of the folder"),
        ("file,source\n/etc/x.hdr,a\n", "line 2, column 'file': '/etc/x.hdr' leads out of the folder"),
        ("file,source\nC:\\x.hdr,a\n", "line 2, column 'file': .* leads out of the folder"),
        ("file,source,ldr\none.hdr,a,../x.jpg\n", "line 2, column 'ldr': '../x.jpg' leads out of the folder"),
    ],
)
def test_what_is_not_understood_is_told_with_its_line(text: str, said: str) -> None:
    with pytest.raises(DataError, match=rf"^photos/manifest\.csv.*{said}"):
        read(text)


def test_a_quoted_line_end_keeps_the_count_of_lines() -> None:
    with pytest.raises(DataError, match="line 4: split"):
        read('file,source,split,note\none.hdr,a,train,"two\nlines"\nthree.exr,c,dev,\n')
