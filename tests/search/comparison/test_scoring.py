"""Scores of exported files, with the scoring itself made by hand."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mqn.errors import DataError
from mqn.records import Interval
from mqn.scoring import methods, session
from mqn.scoring.judging.engine import Failure
from mqn.scoring.summary import Figure, Summary
from mqn.search.comparison.contenders import Exported
from mqn.search.comparison.scoring import Scorer

NONE = Figure(mean=None, low=None, high=None, n=0)
EXPORTED = Exported(files=(Path("model/model.tflite"),), family="mqn", plan="float32", trained=True)


@pytest.fixture
def scorer(monkeypatch: pytest.MonkeyPatch) -> Scorer:
    monkeypatch.setattr(methods, "parse_method", lambda name: SimpleNamespace(name=name))
    pictures: Any = SimpleNamespace(listing=list)
    return Scorer(pictures, ("psnr_tm", "clipped_error"), lambda *_: None)


def answer(monkeypatch: pytest.MonkeyPatch, asked: list[Any], failures: list[Failure]) -> None:
    scores = {"psnr_tm": Figure(mean=20.0, low=19.0, high=21.0, n=3), "clipped_error": NONE}
    overall = SimpleNamespace(summaries={"model": Summary(pictures=3, sources=3, scores=scores)})

    def run(request: Any, progress: Any) -> Any:
        asked.append(request)
        return SimpleNamespace(overall=overall, failures=failures, stated="camera inputs")

    monkeypatch.setattr(session, "run", run)


def test_means_come_with_their_intervals_and_what_has_none_is_left_out(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    answer(monkeypatch, asked, [])
    assert scorer.stated == ""
    assert scorer(EXPORTED) == {"psnr_tm": Interval(mean=20.0, low=19.0, high=21.0, n=3)}
    assert scorer.stated == "camera inputs"
    assert ([one.name for one in asked[0].methods], asked[0].metrics) == (["model"], ("psnr_tm", "clipped_error"))


def test_a_score_on_other_pictures_than_the_rest_is_none(scorer: Scorer, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, [], [Failure("model", "b.exr", "too small"), Failure("model", "c.exr", "too small")])
    with pytest.raises(DataError, match=r"2 pictures could not be judged, for example b\.exr: too small"):
        scorer(EXPORTED)
    assert scorer.stated == ""
