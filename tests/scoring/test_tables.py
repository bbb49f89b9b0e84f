from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet
import pytest

from mqn.errors import DataError
from mqn.scoring.judging.ledger import Line
from mqn.scoring.tables import CSV, PARQUET, write_tables

LINE = Line(
    fingerprint="m",
    picture_hash="p",
    name="a, b.exr",
    source="a",
    condition="drago",
    height=8,
    width=9,
    figures={"psnr_tm": 1.5, "clipped_error": None},
)


def test_rows_come_back_with_what_fixes_them(tmp_path: Path) -> None:
    write_tables(tmp_path, {"one": {1: LINE, 0: LINE}, "two": {0: LINE}}, ("psnr_tm", "clipped_error"), {"version": 1})
    table = pyarrow.parquet.read_table(tmp_path / PARQUET)
    assert table.column("method").to_pylist() == ["one", "one", "two"]
    assert table.to_pylist()[0] == {
        "method": "one",
        "picture": "a, b.exr",
        "source": "a",
        "condition": "drago",
        "height": 8,
        "width": 9,
        "psnr_tm": 1.5,
        "clipped_error": None,
    }
    assert json.loads(table.schema.metadata[b"mqn.protocol"]) == {"version": 1}


def test_csv_has_the_same_rows(tmp_path: Path) -> None:
    write_tables(tmp_path, {"one": {0: LINE}}, ("psnr_tm", "clipped_error"), {})
    assert (tmp_path / CSV).read_text().splitlines() == [
        '"method","picture","source","condition","height","width","psnr_tm","clipped_error"',
        '"one","a, b.exr","a","drago",8,9,1.5,',
    ]


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot write .*absent/pictures\.parquet"):
        write_tables(tmp_path / "absent", {"one": {0: LINE}}, ("psnr_tm",), {})
