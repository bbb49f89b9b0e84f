from __future__ import annotations

import resource
from dataclasses import replace
from pathlib import Path

import pytest

from mqn.errors import DataError
from mqn.metrics.protocol import VERSION
from mqn.scoring.judging.ledger import Ledger, Line, read_ledgers

LINE = Line(
    fingerprint="m",
    picture_hash="p",
    name="a.exr",
    source="a",
    condition="drago",
    height=8,
    width=9,
    figures={"psnr_tm": 1.5, "clipped_error": None},
)


def _written(path: Path, *lines: Line) -> None:
    ledger = Ledger(path)
    for line in lines:
        ledger.append(line)


def test_lines_come_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "ledger.jsonl"
    _written(path, LINE, replace(LINE, picture_hash="q"))
    assert read_ledgers([path, tmp_path / "absent"]) == {
        ("m", "p"): LINE,
        ("m", "q"): replace(LINE, picture_hash="q"),
    }


def test_the_half_line_of_a_kill_is_passed_over_and_closed(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    _written(path, LINE, replace(LINE, picture_hash="q"))
    path.write_bytes(path.read_bytes()[:-20])
    assert set(read_ledgers([path])) == {("m", "p")}
    _written(path, replace(LINE, picture_hash="r"))
    assert set(read_ledgers([path])) == {("m", "p"), ("m", "r")}


def test_figures_of_one_prediction_are_put_together_and_the_last_counts(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    _written(path, LINE, replace(LINE, figures={"psnr_tm": 2.0, "ssim_tm": 0.5}))
    (line,) = read_ledgers([path]).values()
    assert line.figures == {"psnr_tm": 2.0, "ssim_tm": 0.5, "clipped_error": None}


def test_figures_of_another_version_do_not_count(tmp_path: Path) -> None:
    _written(tmp_path / "ledger.jsonl", replace(LINE, version=VERSION + 1))
    assert read_ledgers([tmp_path / "ledger.jsonl"]) == {}


def test_a_full_disk_is_named() -> None:
    ledger = Ledger(Path("/dev/full"))
    with pytest.raises(DataError, match=r"cannot write /dev/full: No space left on device; run the command again"):
        ledger.append(LINE)


def test_a_disk_that_fills_up_in_a_line_is_named_and_the_lines_before_stay(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    _written(path, LINE)
    ledger = Ledger(path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 10, limits[1]))
    try:
        with pytest.raises(DataError, match="cannot write"):
            ledger.append(replace(LINE, picture_hash="q"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    _written(path, replace(LINE, picture_hash="r"))
    assert set(read_ledgers([path])) == {("m", "p"), ("m", "r")}


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"cannot write .*ledger\.jsonl: .*; choose another --output"):
        Ledger(tmp_path / "file" / "ledger.jsonl")
