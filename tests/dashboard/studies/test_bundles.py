"""Bundles are written beside the page, one at a time, through the code of `mqn select`."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mqn.dashboard.studies import bundles
from mqn.dashboard.studies.bundles import BundleMaker
from mqn.data.licence import Origin
from mqn.errors import StudyError, UsageError
from mqn.report.bundle.bundle import load_bundle
from mqn.report.bundle.verification import Verification
from mqn.search.space.goals import Scoring


@pytest.fixture
def state(stored: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A study of one trial whose model lies in a store; its data are not looked at."""
    record, store = stored()
    monkeypatch.setattr(bundles, "locate", lambda _: None)
    monkeypatch.setattr(bundles, "check_data", lambda *_: None)
    monkeypatch.setattr(
        bundles,
        "origin_of",
        lambda _: Origin(name="photos", licence="CC0", procedural=False, counts={"val": 2}, hash="h"),
    )
    made = SimpleNamespace(
        study="s",
        about=SimpleNamespace(data=None, data_hash=""),
        space=SimpleNamespace(scoring=Scoring()),
        record=lambda number: record if number == record.number else None,
    )
    return made, store


def verified(*_: Any, progress: Any, **__: Any) -> Verification:
    progress(2, 2)
    return Verification(figures={"psnr_tm": 25.0}, recorded={"psnr_tm": 25.0}, pictures=2, inputs="operators")


def test_a_bundle_is_written_and_said_where(state: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "verify", verified)
    study, store = state
    maker = BundleMaker(store, tmp_path / "bundles")
    making = maker.start(study, 3, None)
    maker.join()
    assert maker.latest is not None
    assert (maker.latest.over, maker.latest.failed) == (True, False)
    assert making.folder == tmp_path / "bundles" / "s-3"
    words = "2 pictures scored as they did in the study, and mqn dashboard does not measure again; mqn select does"
    assert maker.latest.line == f"written to {making.folder}; {words}"
    assert "mqn select does" in (making.folder / "verification.json").read_text()
    assert load_bundle(making.folder).manifest.inputs["trial"] == 3


def test_what_does_not_repeat_is_not_written(state: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def differs(*_: Any, **__: Any) -> None:
        raise StudyError("trial 3 scores something else")

    monkeypatch.setattr(bundles, "verify", differs)
    study, store = state
    maker = BundleMaker(store, tmp_path / "bundles")
    making = maker.start(study, 3, None)
    maker.join()
    assert maker.latest is not None
    assert maker.latest.failed
    assert maker.latest.line == "not written: trial 3 scores something else"
    assert not making.folder.exists()


def test_one_bundle_at_a_time(state: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = threading.Event()

    def wait(*words: Any, **named: Any) -> Verification:
        assert held.wait(10)
        return verified(*words, **named)

    monkeypatch.setattr(bundles, "verify", wait)
    study, store = state
    maker = BundleMaker(store, tmp_path / "bundles")
    maker.start(study, 3, None)
    with pytest.raises(UsageError, match="the bundle of #3 is being written"):
        maker.start(study, 3, None)
    with pytest.raises(UsageError, match="no trial 99"):
        maker.start(study, 99, None)
    held.set()
    maker.join()
    assert maker.latest is not None
    assert maker.latest.over
