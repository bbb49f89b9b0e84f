"""The protocol: one absolute scale from the truth alone, fixed operators, every picture's value kept.

`judge` is the protocol for one picture, `score` for a predictor on a set of them, one after another. `mqn.scoring` does
the same for many methods, in parallel and resumable.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence, Sized
from typing import Any, Protocol

import numpy as np

from mqn.errors import EmptyDatasetError, ModelFileError
from mqn.hdr.codec import SCALE_PERCENTILE
from mqn.hdr.tonemap import BIAS, CONTRAST, KEY, MU
from mqn.hdr.transfer import srgb_decode
from mqn.metrics import alignment, clipped, intervals, legacy, measures
from mqn.metrics.intervals import mean_interval
from mqn.metrics.measures import PEAK_NITS, Case
from mqn.quantities import quantity
from mqn.records import Scores

PSNR_CAP_DB = 100.0
"""What the PSNR of equal pictures counts as. It is infinite, which neither a mean nor JSON can hold; 8-bit rounding
alone, with peak 1, keeps a prediction below 59 dB."""

VERSION = 1
"""Raised whenever the same prediction would score otherwise: figures of two versions are not comparable."""


class EvaluationPicture(Protocol):
    """What is judged upon; `mqn.data.pairs.evaluation` makes them."""

    @property
    def name(self) -> str:
        """The picture's own name."""

    @property
    def source(self) -> str:
        """What it was taken from; pictures of one source are alike."""

    @property
    def ldr(self) -> np.ndarray:
        """(H, W, 3) float32 in [0, 1], display-referred: the predictor's input."""

    @property
    def truth(self) -> np.ndarray:
        """(H, W, 3) float32 linear, 1.0 = its own 99.9 % point."""


def score(
    predict: Callable[[np.ndarray], np.ndarray],
    pictures: Iterable[EvaluationPicture],
    *,
    metrics: Sequence[str] = measures.DEFAULT,
    seed: int = 0,
    progress: Callable[[int, int | None], None] | None = None,
) -> Scores:
    """Judge a predictor on a fixed set of pictures.

    Args:
        predict: (H, W, 3) LDR in [0, 1] to (H, W, 3) linear, 1.0 = the truth's 99.9 % point. Below 0 counts as 0.
        pictures: at least one.
        metrics: names that `mqn.metrics.measures` knows.
        seed: of the bootstrap.
        progress: called after each picture with how many are done and how many there are (None where unknown).

    Returns:
        Means, 95 % intervals over sources and per-picture values. PSNR is capped at `PSNR_CAP_DB`. The protocol names
        everything that fixes the figures, the pictures' hash among it.

    Raises:
        UnknownNameError: a metric that does not exist; names the nearest.
        EmptyDatasetError: there are no pictures.
        ModelFileError: a prediction has another shape than its picture or is not finite; names the picture.
    """
    for name in metrics:
        measures.split_name(name)
    total = len(pictures) if isinstance(pictures, Sized) else None
    names: list[str] = []
    sources: list[str] = []
    sizes: set[tuple[int, ...]] = set()
    rows: list[list[float]] = []
    digest = hashlib.sha256()
    for picture in pictures:
        rows.append(list(judge(predict(picture.ldr), picture, metrics).values()))
        names.append(picture.name)
        sources.append(picture.source)
        sizes.add(picture.truth.shape[:2])
        digest.update(picture_hash(picture).encode())
        if progress is not None:
            progress(len(rows), total)
    if not rows:
        raise EmptyDatasetError("no pictures to score on; the evaluation split of the dataset is empty")
    values = np.asarray(rows)
    figures = dict(zip(metrics, mean_interval(values, sources, seed), strict=True))
    return Scores(
        pictures=len(rows),
        scores={name: interval for name, interval in figures.items() if interval.n},
        per_picture={name: tuple(map(_known, column)) for name, column in zip(metrics, values.T, strict=True)},
        names=tuple(names),
        protocol={
            **fixed(metrics, seed),
            "sizes": [list(size) for size in sorted(sizes)],
            "sources": sources,
            "pictures_sha256": digest.hexdigest(),
        },
    )


def judge(prediction: np.ndarray, picture: EvaluationPicture, metrics: Sequence[str]) -> dict[str, float]:
    """Judge one prediction.

    Args:
        prediction: (H, W, 3) linear, 1.0 = the truth's 99.9 % point. Below 0 counts as 0.
        picture: what it was made from, and the truth.
        metrics: names that `mqn.metrics.measures` knows.

    Returns:
        A figure a name; PSNR at most `PSNR_CAP_DB`, NaN where the measure does not apply to this picture.

    Raises:
        UnknownNameError: a metric that does not exist; names the nearest.
        ModelFileError: the prediction has another shape than the truth or is not finite; names the picture.
    """
    truth = np.asarray(picture.truth, np.float32)
    case = Case(_checked(prediction, truth, picture.name), truth, picture.ldr)
    return {name: _capped(name, value) for name, value in measures.measure_all(case, metrics).items()}


def picture_hash(picture: EvaluationPicture) -> str:
    """SHA-256 (64 hexadecimal digits) of a picture's name, source, input and truth."""
    truth = np.ascontiguousarray(picture.truth, np.float32)
    digest = hashlib.sha256(f"{picture.name}\0{picture.source}\0{truth.shape}".encode(errors="surrogateescape"))
    digest.update(np.ascontiguousarray(picture.ldr, np.float32).data)
    digest.update(truth.data)
    return digest.hexdigest()


def fixed(metrics: Sequence[str], seed: int = 0) -> dict[str, Any]:
    """What fixes the figures besides the pictures: plain values, to be kept beside them."""
    return {
        "version": VERSION,
        "metrics": list(metrics),
        "scale": f"the truth's {SCALE_PERCENTILE} % point = 1.0",
        "operators": {
            "mulaw": {"mu": MU},
            "reinhard": {"key": KEY, "log_average": "of the truth", "white": 1.0},
            "drago": {"bias": BIAS, "log_average": "of the truth"},
            "mantiuk": {"contrast": CONTRAST, "gain": "of the truth"},
            "legacy": {"seed": legacy.SEED},
        },
        "alignments": {
            "gain": {"percentiles": list(alignment.GAIN_PERCENTILES)},
            "crf": {"degree": alignment.DEGREE, "lambda": alignment.LAMBDA, "peak_nits": PEAK_NITS},
        },
        "clipped": {"code": clipped.CLIPPED_CODE, "floor": clipped.FLOOR},
        "pu21": {"encoding": "banding_glare", "peak_nits": PEAK_NITS},
        "hdrvdp": {"version": "2.2", "pixels_per_degree": measures.PIXELS_PER_DEGREE, "peak_nits": PEAK_NITS},
        "psnr_cap_db": PSNR_CAP_DB,
        "interval": {
            "kind": "percentile bootstrap over sources",
            "confidence": intervals.CONFIDENCE,
            "resamples": intervals.RESAMPLES,
            "seed": seed,
        },
    }


def do_nothing(ldr: np.ndarray) -> np.ndarray:
    """Make the baseline that stands beside every figure: the input itself, from sRGB to linear light.

    `ldr` is (H, W, 3) in [0, 1]. Its white counts as the truth's 99.9 % point, which is 1.0 in the result.
    """
    return srgb_decode(np.clip(ldr, 0.0, 1.0))


def _capped(name: str, value: float) -> float:
    # NaN passes: every comparison with it is false.
    return PSNR_CAP_DB if quantity(name).unit == "dB" and value > PSNR_CAP_DB else float(value)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _checked(prediction: np.ndarray, truth: np.ndarray, name: str) -> np.ndarray:
    if prediction.shape != truth.shape:
        raise ModelFileError(
            f"picture {name!r}: the prediction's shape is {prediction.shape}, the truth's {truth.shape}"
        )
    broken = prediction.size - int(np.count_nonzero(np.isfinite(prediction)))
    if broken:
        raise ModelFileError(
            f"picture {name!r}: {broken} of {prediction.size} predicted values are NaN or infinite; "
            "the model cannot be scored, train or export it again"
        )
    return np.maximum(prediction, np.float32(0))
