from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mqn.data.dataset import Dataset
from mqn.data.pairs.evaluation import evaluation_pictures
from mqn.errors import DataError
from mqn.metrics.protocol import do_nothing, score
from mqn.scoring import sheet
from mqn.scoring.judging import engine
from mqn.scoring.judging.evaluation import PictureSet
from mqn.scoring.judging.judge import Judge, Task
from mqn.scoring.judging.pool import Answer, Death
from mqn.scoring.methods import parse_method
from mqn.scoring.result import Request, Result
from mqn.scoring.session import run


class InThisProcess:
    """Stands for the pool; dies at tasks in `deadly`, after one answer."""

    deadly: frozenset[int] = frozenset()

    def __init__(self, make: type[Judge], job: Any, *, workers: int) -> None:
        self.judge = make(job)

    def __class_getitem__(cls, _: object) -> type[InThisProcess]:
        return cls

    def __enter__(self) -> InThisProcess:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def work(self, tasks: deque[Task]) -> Iterator[Any]:
        while tasks:
            task = tasks.popleft()
            for place, value in enumerate(self.judge(task)):
                if place == 1 and task.picture in self.deadly:
                    yield Death(task, place, "its process was ended by SIGSEGV")
                    break
                yield Answer(task, place, value)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "Pool", InThisProcess)


def ask(pictures: PictureSet, *names: str, metrics: tuple[str, ...] = ("psnr_tm", "ssim_tm"), **more: Any) -> Request:
    methods = tuple(parse_method(name) for name in names)
    return Request(methods=methods, pictures=pictures, metrics=metrics, workers=1, **more)


def quietly(request: Request) -> Result:
    return run(request, lambda what, done, total: None)


def test_figures_are_those_of_the_protocol(dataset: Dataset, pictures: PictureSet) -> None:
    expected = score(do_nothing, evaluation_pictures(dataset, 16), metrics=["psnr_tm", "ssim_tm"])
    figures = quietly(ask(pictures, "do-nothing")).overall.summaries["do-nothing"].scores
    for name, interval in expected.scores.items():
        found = figures[name]
        assert (found.mean, found.low, found.high, found.n) == (interval.mean, interval.low, interval.high, 4)


def test_nothing_is_judged_twice_and_new_metrics_alone_are_new(pictures: PictureSet) -> None:
    first = quietly(ask(pictures, "do-nothing"))
    again = quietly(ask(pictures, "do-nothing"))
    assert (first.judged, again.judged) == (4, 0)
    assert again.overall == first.overall
    assert quietly(ask(pictures, "do-nothing", metrics=("psnr_tm", "pu21_psnr"))).judged == 4
    assert quietly(ask(pictures, "do-nothing", metrics=("pu21_psnr", "ssim_tm"))).judged == 0
    assert quietly(ask(pictures, "oracle", "do-nothing")).judged == 4
    assert quietly(ask(pictures, "do-nothing", fresh=True)).judged == 4
    assert quietly(ask(replace(pictures, size=12), "do-nothing")).judged == 4


def test_methods_are_ranked_and_compared(pictures: PictureSet) -> None:
    result = quietly(ask(pictures, "do-nothing", "oracle", against="do-nothing"))
    assert list(result.overall.summaries) == ["oracle", "do-nothing"]
    gain = result.overall.differences["oracle"]["psnr_tm"]
    means = [result.overall.summaries[name].scores["psnr_tm"].mean or 0 for name in ("oracle", "do-nothing")]
    assert gain.mean == pytest.approx(means[0] - means[1])
    assert (gain.n, gain.sources, gain.p) == (4, 3, 0.25)
    document = json.loads(json.dumps(result.document(), allow_nan=False))
    assert document["method"] == "oracle"
    assert document["scores"]["psnr_tm"] == document["methods"]["oracle"]["scores"]["psnr_tm"]
    assert document["methods"]["do-nothing"]["rank"] == 2
    assert document["against"]["differences"]["oracle"]["psnr_tm"]["p"] == 0.25
    assert document["methods"]["oracle"]["protocol"]["inputs"] == "operators"


def test_kinds_of_input_are_compared_each_by_itself(pictures: PictureSet) -> None:
    camera = replace(pictures, inputs="camera", size=None)
    result = quietly(ask(camera, "do-nothing", "oracle", against="do-nothing"))
    assert {label: list(e.summaries) for label, e in result.conditions.items()} == {
        "camera:ev0": ["oracle", "do-nothing"],
        "camera:over": ["oracle", "do-nothing"],
    }
    over = result.conditions["camera:over"].differences["oracle"]["psnr_tm"]
    assert (over.n, over.sources, over.p) == (2, 2, 0.5)
    document = result.document()
    assert document["against"]["conditions"]["camera:over"]["oracle"]["psnr_tm"]["mean"] == over.mean
    assert document["methods"]["oracle"]["conditions"]["camera:ev0"]["pictures"] == 1


def test_everything_is_written_beside_the_ledger(pictures: PictureSet, tmp_path: Path) -> None:
    result = quietly(ask(pictures, "do-nothing", "oracle", output=tmp_path / "out"))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "ledger.jsonl",
        "pictures.csv",
        "pictures.parquet",
        "scores.json",
        "sheet.html",
    ]
    assert json.loads((tmp_path / "out" / "scores.json").read_text()) == json.loads(json.dumps(result.document()))
    page = (tmp_path / "out" / "sheet.html").read_text()
    # Four pictures of two methods, four tiles each; nothing is fetched from elsewhere.
    assert page.count("data:image/jpeg;base64,") == 2 * 4 * 4
    assert "http" not in page


def test_what_was_judged_without_output_counts_with_it(pictures: PictureSet, tmp_path: Path) -> None:
    quietly(ask(pictures, "do-nothing"))
    assert quietly(ask(pictures, "do-nothing", output=tmp_path / "out")).judged == 0


def test_a_death_fails_one_judgement_and_the_rest_goes_on(
    pictures: PictureSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(InThisProcess, "deadly", frozenset({2}))
    result = quietly(ask(pictures, "do-nothing", "oracle", "banterle"))
    assert [str(failure) for failure in result.failures] == ["oracle, b.exr: its process was ended by SIGSEGV"]
    assert {name: summary.pictures for name, summary in result.overall.summaries.items()} == {
        "oracle": 3,
        "do-nothing": 4,
        "banterle": 4,
    }


def test_a_picture_that_cannot_be_judged_is_named(pictures: PictureSet) -> None:
    result = quietly(ask(replace(pictures, size=8), "do-nothing"))
    assert result.overall.summaries == {}
    assert len(result.failures) == 4
    assert str(result.failures[0]).startswith("do-nothing, a1.exr: 8 x 8 pixels are too few for 'ssim_tm'")
    assert result.document()["failed"][0]["picture"] == "a1.exr"


def test_incomplete_predictions_are_refused_before_anything_is_judged(pictures: PictureSet, predictions: Path) -> None:
    (predictions / "b.tif").rename(predictions / "B.tif")
    with pytest.raises(
        DataError, match=r"1 missing: b\.exr; 1 named as no picture: B\.tif; put that right, or give --a"
    ):
        quietly(ask(pictures, "do-nothing", str(predictions)))


def test_missing_predictions_are_left_out_where_that_is_allowed(pictures: PictureSet, predictions: Path) -> None:
    (predictions / "b.tif").unlink()
    result = quietly(ask(pictures, "do-nothing", str(predictions), against="do-nothing", allow_missing=True))
    assert result.overall.summaries[str(predictions)].pictures == 3
    assert result.overall.summaries["do-nothing"].pictures == 4
    assert result.overall.differences[str(predictions)]["psnr_tm"].n == 3
    assert result.left_out == [f"{predictions}: 1 missing: b.exr"]
    assert result.failures == []


@pytest.mark.parametrize("count", range(1, 12))
def test_the_sheet_shows_no_picture_twice(pictures: PictureSet, count: int) -> None:
    (line,) = list(quietly(ask(pictures, "do-nothing")).lines["do-nothing"].values())[:1]
    values = np.random.default_rng(count).permutation(count)
    lines = {index: replace(line, figures={"psnr_tm": float(value)}) for index, value in enumerate(values)}
    groups = sheet.choose(lines, "psnr_tm")
    shown = [index for group in groups.values() for index in group]
    assert len(shown) == len(set(shown)) == min(count, 9)
    assert values[groups["worst"][0]] == 0
    if count > 1:
        assert values[groups["best"][-1]] == count - 1


def test_less_error_is_better(pictures: PictureSet) -> None:
    (line,) = list(quietly(ask(pictures, "do-nothing")).lines["do-nothing"].values())[:1]
    lines = {index: replace(line, figures={"clipped_error": value}) for index, value in enumerate((0.1, None, 0.9))}
    assert sheet.choose(lines, "clipped_error") == {"worst": [2], "median": [], "best": [0]}
