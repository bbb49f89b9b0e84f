"""Every malformed picture is either a picture that can be computed with, or one line of reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.support.malformed import Case, write_corpus

from mqn.errors import PictureError
from mqn.hdr.io.files import HDR_SUFFIXES, LDR_SUFFIXES, read, read_ldr
from mqn.hdr.io.ultra_hdr import ULTRA_HDR_SUFFIXES


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Case]]:
    folder = tmp_path_factory.mktemp("malformed")
    return folder, write_corpus(folder)


@pytest.mark.slow
def test_there_are_200_under_names_of_their_own(corpus: tuple[Path, list[Case]]) -> None:
    folder, cases = corpus
    assert len(cases) >= 200
    assert len({case.name for case in cases}) == len(cases) == len(list(folder.iterdir()))
    covered = {Path(case.name).suffix for case in cases}
    assert {".hdr", ".exr", ".pfm", ".tif", ".dng", ".jpg", ".png", ".heic", ".webp", ".bmp"} <= covered


@pytest.mark.timeout(120)
def test_each_is_read_or_refused_in_one_line(
    corpus: tuple[Path, list[Case]], capfd: pytest.CaptureFixture[str]
) -> None:
    folder, cases = corpus
    wrong = []
    for case in cases:
        outcome = _outcome(folder / case.name, case.reader)
        if outcome not in (("read", "refused") if case.outcome == "either" else (case.outcome,)):
            wrong.append((case.name, outcome))
    assert not wrong
    assert capfd.readouterr() == ("", "")


@pytest.mark.timeout(120)
def test_the_other_reader_does_not_crash_either(corpus: tuple[Path, list[Case]]) -> None:
    folder, cases = corpus
    for case in cases:
        other = "ldr" if case.reader == "hdr" else "hdr"
        assert _outcome(folder / case.name, other) in ("read", "refused")


def _outcome(path: Path, reader: str) -> str:
    """ "read", "refused", or what is wrong."""
    try:
        image = read(path) if reader == "hdr" else read_ldr(path)
    except PictureError as error:
        suffixes = (*HDR_SUFFIXES, *ULTRA_HDR_SUFFIXES) if reader == "hdr" else LDR_SUFFIXES
        told = str(error).startswith(f"{path}: ") and "\n" not in str(error) and len(str(error)) < 500
        known = path.suffix in suffixes or "by its suffix" in str(error)
        return "refused" if told and known else f"told badly: {error}"
    if image.dtype != np.float32 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        return f"{image.dtype} {image.shape}"
    if not np.isfinite(image).all() or image.min() < 0 or (reader == "ldr" and image.max() > 1):
        return f"values from {image.min()} to {image.max()}"
    return "read"
