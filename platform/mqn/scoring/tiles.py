"""Small pictures for the sheet: input, prediction and truth, tone-mapped alike, and a map of the error."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mqn.errors import PictureError
from mqn.hdr.tonemap import luminance, reinhard
from mqn.look.encoding import encode, fit

SIDE = 360
"""Largest length of the longer side, in pixels."""

DECADES = 1.0
"""The error that the map shows at its brightest: a factor of ten in luminance, either way."""

FLOOR = 1e-4
"""Lowest luminance in the error map; darker values count as this."""


@dataclass(frozen=True, slots=True)
class Tiles:
    """Small pictures as JPEG files.

    Attributes:
        ldr: the input as it is.
        prediction: tone-mapped by Reinhard's operator at the truth's exposure.
        truth: tone-mapped alike.
        error: |log10 prediction - log10 truth| of luminance, black for 0, light yellow for `DECADES` and above.
    """

    ldr: bytes
    prediction: bytes
    truth: bytes
    error: bytes


def draw_tiles(ldr: np.ndarray, prediction: np.ndarray, truth: np.ndarray) -> Tiles:
    """Draw a prediction beside its input and its truth.

    `ldr` is (H, W, 3) in [0, 1], display-referred. Prediction and truth are (H, W, 3) linear.

    Raises:
        PictureError: the prediction has another shape or is not finite.
    """
    if prediction.shape != truth.shape or not np.isfinite(prediction).all():
        raise PictureError(f"a prediction of shape {prediction.shape} for a truth of {truth.shape} cannot be drawn")
    light = np.maximum(prediction, 0)
    logs = [np.log10(np.maximum(luminance(image), FLOOR)) for image in (light, truth)]
    error = np.clip(np.abs(logs[0] - logs[1]) / DECADES, 0.0, 1.0)
    images = (fit(image, SIDE) for image in (ldr, reinhard(light, truth), reinhard(truth)))
    return Tiles(*map(encode, (*images, heat(fit(error, SIDE)))))


def heat(shares: np.ndarray) -> np.ndarray:
    """A map in colours: (H, W) in [0, 1] to (H, W, 3), black for 0, light yellow for 1."""
    colors: np.ndarray = (
        cv2.applyColorMap(np.rint(255 * shares).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1] / 255
    )
    return colors
