"""Small pictures for people: input, prediction and truth, tone-mapped alike, and where the prediction errs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from mqn.errors import PictureError
from mqn.hdr.tonemap import luminance, reinhard

SIDE = 360
"""Pixels of the longer side, at most."""

DECADES = 1.0
"""The error that the map shows at its brightest: a factor of ten in luminance, either way."""

FLOOR = 1e-4
"""Of the scale: what is darker counts as this dark, for the error map."""

_QUALITY = 88


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiles:
    """JPEG files.

    Attributes:
        ldr: the input as it is.
        prediction: through Reinhard's operator, at the truth's exposure.
        truth: through the same.
        error: |log10 prediction - log10 truth| of luminance, black for 0, light yellow for `DECADES` and above.
    """

    ldr: bytes
    prediction: bytes
    truth: bytes
    error: bytes


def draw_tiles(ldr: np.ndarray, prediction: np.ndarray, truth: np.ndarray) -> Tiles:
    """Draw a prediction beside its input and its truth.

    Args:
        ldr: (H, W, 3) in [0, 1], display-referred.
        prediction: (H, W, 3) linear, 1.0 = the truth's 99.9 % point.
        truth: (H, W, 3) linear, as the prediction.

    Raises:
        PictureError: the prediction has another shape or is not finite.
    """
    if prediction.shape != truth.shape or not np.isfinite(prediction).all():
        raise PictureError(f"a prediction of shape {prediction.shape} for a truth of {truth.shape} cannot be drawn")
    light = np.maximum(prediction, 0)
    logs = [np.log10(np.maximum(luminance(image), FLOOR)) for image in (light, truth)]
    error = np.clip(np.abs(logs[0] - logs[1]) / DECADES, 0.0, 1.0)
    heat = cv2.applyColorMap(np.rint(_shrink(error) * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
    return Tiles(
        ldr=_jpeg(_codes(_shrink(ldr))),
        prediction=_jpeg(_codes(_shrink(reinhard(light, truth)))),
        truth=_jpeg(_codes(_shrink(reinhard(truth)))),
        error=_jpeg(heat),
    )


def _shrink(image: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    factor = SIDE / max(height, width)
    # Small pictures are enlarged by whole numbers without smoothing: their pixels stay what they are.
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_NEAREST
    factor = factor if factor < 1 else math.floor(factor)
    size = (max(round(width * factor), 1), max(round(height * factor), 1))
    return np.asarray(cv2.resize(np.asarray(image, np.float32), size, interpolation=method))


def _codes(image: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.rint(np.clip(image[..., ::-1], 0.0, 1.0) * 255).astype(np.uint8))


def _jpeg(pixels: np.ndarray) -> bytes:
    _, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return bytes(data)
