from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from mqn.errors import EmptyDatasetError, ModelFileError, UnknownNameError
from mqn.hdr.transfer import srgb_encode
from mqn.metrics import measures, pu21, tonemapped
from mqn.metrics.protocol import PSNR_CAP_DB, do_nothing, judge, score
from mqn.parsing import read_json, write_json
from mqn.records import Scores


@dataclass(frozen=True)
class Picture:
    name: str
    source: str
    ldr: np.ndarray
    truth: np.ndarray


@pytest.fixture
def pictures() -> list[Picture]:
    rng = np.random.default_rng(0)
    truths = [rng.random((12, 12, 3)).astype(np.float32) ** 2 for _ in range(3)]
    sources = ("a", "a", "b")
    ldrs = [np.clip(srgb_encode(2 * truth), 0, 1) for truth in truths]
    return [Picture(f"p{i}", sources[i], ldrs[i], truths[i]) for i in range(3)]


def test_values_are_those_of_the_metrics(pictures: list[Picture]) -> None:
    scores = score(do_nothing, pictures)
    assert scores.pictures == 3
    assert scores.names == ("p0", "p1", "p2")
    for i, picture in enumerate(pictures):
        guess, truth = do_nothing(picture.ldr), picture.truth
        expected = {
            "psnr_tm": tonemapped.psnr(guess, truth, "mulaw", scale=1.0),
            "ssim_tm": tonemapped.ssim(guess, truth, "mulaw", scale=1.0),
            "psnr_tm_reinhard": tonemapped.psnr(guess, truth, "reinhard", scale=1.0),
            "ssim_tm_reinhard": tonemapped.ssim(guess, truth, "reinhard", scale=1.0),
            "pu21_psnr": pu21.psnr(1000 * guess, 1000 * truth),
            "pu21_ssim": pu21.ssim(1000 * guess, 1000 * truth),
        }
        assert {name: values[i] for name, values in scores.per_picture.items()} == pytest.approx(expected)


def test_means_lie_within_their_intervals(pictures: list[Picture]) -> None:
    scores = score(do_nothing, pictures)
    for name, interval in scores.scores.items():
        assert interval.mean == pytest.approx(np.mean(scores.per_picture[name]))
        assert interval.low <= interval.mean <= interval.high
        assert interval.low < interval.high


def test_a_perfect_prediction_is_capped(pictures: list[Picture]) -> None:
    truths = iter(picture.truth for picture in pictures)
    scores = score(lambda _: next(truths), pictures)
    assert scores.per_picture["psnr_tm"] == (PSNR_CAP_DB,) * 3
    assert scores.scores["pu21_psnr"].mean == PSNR_CAP_DB
    assert scores.scores["ssim_tm"].mean == pytest.approx(1.0)


def test_negative_light_counts_as_black(pictures: list[Picture]) -> None:
    below = score(lambda ldr: np.full_like(ldr, -1.0), pictures)
    assert below.per_picture == score(np.zeros_like, pictures).per_picture


def test_the_record_survives_json(tmp_path: Path, pictures: list[Picture]) -> None:
    scores = score(do_nothing, pictures)
    write_json(tmp_path / "scores.json", scores)
    assert read_json(Scores, tmp_path / "scores.json") == scores


def test_the_same_twice(pictures: list[Picture]) -> None:
    assert score(do_nothing, pictures) == score(do_nothing, pictures)


def test_the_protocol_tells_one_set_of_pictures_from_another(pictures: list[Picture]) -> None:
    protocol = score(do_nothing, pictures).protocol
    assert protocol["sources"] == ["a", "a", "b"]
    assert protocol["sizes"] == [[12, 12]]
    assert protocol["pu21"]["peak_nits"] == 1000.0
    assert json.loads(json.dumps(protocol)) == protocol
    other = [*pictures[:2], Picture("p2", "b", pictures[2].ldr, pictures[2].truth * 0.5)]
    assert score(do_nothing, other).protocol["pictures_sha256"] != protocol["pictures_sha256"]


def test_progress_is_told_after_each_picture(pictures: list[Picture]) -> None:
    told: list[tuple[int, int | None]] = []
    score(do_nothing, pictures, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]
    score(do_nothing, iter(pictures[:1]), progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (1, None)


def test_some_metrics_only(pictures: list[Picture]) -> None:
    scores = score(do_nothing, pictures, metrics=["ssim_tm"])
    assert list(scores.scores) == list(scores.per_picture) == ["ssim_tm"]


def test_an_unknown_metric_names_the_nearest(pictures: list[Picture]) -> None:
    with pytest.raises(UnknownNameError, match="no metric 'psnr_tn'; did you mean 'psnr_tm'"):
        score(do_nothing, pictures, metrics=["psnr_tn"])


def test_a_picture_that_a_measure_does_not_apply_to_is_left_out(
    pictures: list[Picture], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    values = {id(picture.truth): value for picture, value in zip(pictures, (1.0, np.nan, 3.0), strict=True)}
    monkeypatch.setitem(measures.MEASURES, "ssim_tm", lambda case: values[id(case.reference)])
    monkeypatch.setitem(measures.MEASURES, "pu21_ssim", lambda case: np.nan)
    scores = score(do_nothing, pictures, metrics=["ssim_tm", "pu21_ssim"])
    assert scores.per_picture == {"ssim_tm": (1.0, None, 3.0), "pu21_ssim": (None, None, None)}
    assert (scores.scores["ssim_tm"].mean, scores.scores["ssim_tm"].n) == (2.0, 2)
    assert "pu21_ssim" not in scores.scores
    write_json(tmp_path / "scores.json", scores)
    assert read_json(Scores, tmp_path / "scores.json") == scores


def test_only_decibels_are_capped(pictures: list[Picture], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(measures.MEASURES, "psnr_tm", lambda case: 120.0)
    monkeypatch.setitem(measures.MEASURES, "ssim_tm", lambda case: 120.0)
    figures = judge(pictures[0].truth, pictures[0], ["psnr_tm", "ssim_tm"])
    assert figures == {"psnr_tm": PSNR_CAP_DB, "ssim_tm": 120.0}


def test_no_pictures_is_an_error() -> None:
    with pytest.raises(EmptyDatasetError, match="no pictures to score on"):
        score(do_nothing, [])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_prediction_that_is_not_finite_names_the_picture(pictures: list[Picture], value: float) -> None:
    def predict(ldr: np.ndarray) -> np.ndarray:
        prediction = ldr.copy()
        prediction[0, 0, 0] = value
        return prediction

    with pytest.raises(ModelFileError, match="picture 'p0': 1 of 432 predicted values are NaN or infinite"):
        score(predict, pictures)


def test_a_prediction_of_another_shape_is_refused(pictures: list[Picture]) -> None:
    with pytest.raises(ModelFileError, match="picture 'p0': the prediction's shape is"):
        score(lambda ldr: ldr[:8], pictures)


def test_doing_nothing_is_linearising() -> None:
    # 0.735357 is sRGB's code of 0.5; above white is clipped.
    assert do_nothing(np.array([[[0.0, 0.735357, 1.7]]])) == pytest.approx(np.array([[[0.0, 0.5, 1.0]]]), abs=1e-6)
