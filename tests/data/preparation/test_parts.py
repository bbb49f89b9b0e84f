"""Parts of a dataset: kept, found again, mistrusted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mqn.data.preparation.decoding import store
from mqn.data.preparation.engine import DEATHS, Decoder, Undecoded
from mqn.data.preparation.parts import Staging
from mqn.data.storage.folders import open_storage
from mqn.errors import DataError


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    return Staging(open_storage(tmp_path / "parts"))


def _picture() -> np.ndarray:
    return np.arange(1, 193, dtype=np.float32).reshape(8, 8, 3)


def test_parts_come_back_in_the_order_asked_for(staging: Staging) -> None:
    decoded = store("a", _picture())
    staging.put("1", decoded)
    staging.leave_out("2", "is empty")

    assert staging.keys() == {"1", "2"}
    assert [record.reason for record in staging.records(["2", "1"])] == ["is empty", ""]
    [record] = staging.records(["1"])
    assert record.part == decoded.part
    assert record.part is not None
    assert staging.values("1", record.part) == (decoded.picture.tobytes(), [])


def test_a_record_without_values_is_not_done(staging: Staging, tmp_path: Path) -> None:
    staging.put("1", store("a", _picture()))
    staging.leave_out("2", "is empty")
    for key in "12":
        (tmp_path / f"parts/{key}.bin").unlink()

    assert staging.keys() == set()


@pytest.mark.parametrize("suffix", ["bin", "json"])
def test_a_torn_part_is_named_once_and_made_anew(staging: Staging, suffix: str, tmp_path: Path) -> None:
    decoded = store("a", _picture())
    staging.put("1", decoded)
    (tmp_path / f"parts/1.{suffix}").write_bytes(b"torn")

    with pytest.raises(DataError, match="damaged; run the same command again"):
        [staging.values("1", record.part) for record in staging.records(["1"]) if record.part]
    assert staging.keys() == set()


def test_attempts_that_were_not_left_are_counted(staging: Staging) -> None:
    with staging.attempt("1") as deaths:
        assert deaths == 0
    attempt = staging.attempt("1")
    attempt.__enter__()
    with staging.attempt("1") as deaths:
        assert deaths == 1


def test_a_picture_at_which_processes_died_is_left_out(staging: Staging, tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts/1.try").write_bytes(b"x" * DEATHS)
    decoder = Decoder(source=None, staging=staging.place, side=32)

    list(decoder.run([Undecoded(name="000-x", inputs=(), key="1")]))

    [record] = staging.records(["1"])
    assert record.part is None
    assert "3 processes died at it" in record.reason
