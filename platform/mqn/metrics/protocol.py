"""The protocol: one absolute scale from the truth alone, fixed operators, every picture's value kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence, Sized
from typing import Protocol

import numpy as np

from mqn.errors import EmptyDatasetError, ModelFileError, UnknownNameError
from mqn.hdr.codec import SCALE_PERCENTILE
from mqn.hdr.tonemap import KEY, MU
from mqn.hdr.transfer import srgb_decode
from mqn.metrics import intervals, pu21, tonemapped
from mqn.metrics.intervals import mean_interval
from mqn.records import Scores

PEAK_NITS = 1000.0
"""The luminance in cd/m2 that the truth's 99.9 % point is taken for by PU21."""

PSNR_CAP_DB = 100.0
"""What the PSNR of equal pictures counts as. It is infinite, which neither a mean nor JSON can hold; 8-bit rounding
alone, with peak 1, keeps a prediction below 59 dB."""

VERSION = 1
"""Raised whenever the same prediction would score otherwise: figures of two versions are not comparable."""

Metric = Callable[[np.ndarray, np.ndarray], float]
"""(test, reference), both (H, W, 3) linear, 1.0 = the truth's 99.9 % point, to a figure."""

METRICS: dict[str, Metric] = {
    "psnr_tm": lambda test, reference: tonemapped.psnr(test, reference, "mulaw", scale=1.0),
    "ssim_tm": lambda test, reference: tonemapped.ssim(test, reference, "mulaw", scale=1.0),
    "psnr_tm_reinhard": lambda test, reference: tonemapped.psnr(test, reference, "reinhard", scale=1.0),
    "ssim_tm_reinhard": lambda test, reference: tonemapped.ssim(test, reference, "reinhard", scale=1.0),
    "pu21_psnr": lambda test, reference: pu21.psnr(PEAK_NITS * test, PEAK_NITS * reference),
    "pu21_ssim": lambda test, reference: pu21.ssim(PEAK_NITS * test, PEAK_NITS * reference),
}
"""By the names of `mqn.quantities`."""


class EvaluationPicture(Protocol):
    """What is judged upon; `mqn.data.pairs` makes them."""

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
    metrics: Sequence[str] = tuple(METRICS),
    seed: int = 0,
    progress: Callable[[int, int | None], None] | None = None,
) -> Scores:
    """Judge a predictor on a fixed set of pictures.

    Args:
        predict: (H, W, 3) LDR in [0, 1] to (H, W, 3) linear, 1.0 = the truth's 99.9 % point. Below 0 counts as 0.
        pictures: at least one.
        metrics: names out of `METRICS`.
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
    judges = [_metric(name) for name in metrics]
    total = len(pictures) if isinstance(pictures, Sized) else None
    names: list[str] = []
    sources: list[str] = []
    sizes: set[tuple[int, ...]] = set()
    rows: list[list[float]] = []
    digest = hashlib.sha256()
    for picture in pictures:
        truth = np.asarray(picture.truth, np.float32)
        prediction = _checked(predict(picture.ldr), truth, picture.name)
        rows.append([min(judge(prediction, truth), PSNR_CAP_DB) for judge in judges])
        names.append(picture.name)
        sources.append(picture.source)
        sizes.add(truth.shape[:2])
        digest.update(f"{picture.name}\0{picture.source}\0{truth.shape}".encode())
        digest.update(np.asarray(picture.ldr, np.float32).tobytes())
        digest.update(truth.tobytes())
        if progress is not None:
            progress(len(rows), total)
    if not rows:
        raise EmptyDatasetError("no pictures to score on; the evaluation split of the dataset is empty")
    values = np.asarray(rows)
    return Scores(
        pictures=len(rows),
        scores=dict(zip(metrics, mean_interval(values, sources, seed), strict=True)),
        per_picture={name: tuple(map(float, column)) for name, column in zip(metrics, values.T, strict=True)},
        names=tuple(names),
        protocol={
            "version": VERSION,
            "scale": f"the truth's {SCALE_PERCENTILE} % point = 1.0",
            "operators": {"mulaw": {"mu": MU}, "reinhard": {"key": KEY, "log_average": "of the truth", "white": 1.0}},
            "pu21": {"encoding": "banding_glare", "peak_nits": PEAK_NITS},
            "psnr_cap_db": PSNR_CAP_DB,
            "interval": {
                "kind": "percentile bootstrap over sources",
                "confidence": intervals.CONFIDENCE,
                "resamples": intervals.RESAMPLES,
                "seed": seed,
            },
            "sizes": [list(size) for size in sorted(sizes)],
            "sources": sources,
            "pictures_sha256": digest.hexdigest(),
        },
    )


def do_nothing(ldr: np.ndarray) -> np.ndarray:
    """The baseline that every figure stands beside: the input, linearised and otherwise left alone.

    Args:
        ldr: (H, W, 3) in [0, 1], sRGB code values.

    Returns:
        (H, W, 3) linear in [0, 1]: the input's white counts as the truth's 99.9 % point.
    """
    return srgb_decode(np.clip(ldr, 0.0, 1.0))


def _metric(name: str) -> Metric:
    try:
        return METRICS[name]
    except KeyError:
        raise UnknownNameError("metric", name, METRICS) from None


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
