"""Fixed tone-mapping operators, for judging and for looking at pictures: no parameter of theirs is drawn or fitted.

All take pictures scaled such that 1.0 is the truth's 99.9 % point (`mqn.hdr.codec.picture_scale`) and clip what lies
above, as a display would. Those that adapt to a picture adapt to a second one, the `reference`: the truth, where `x` is
a prediction. A prediction mapped by its own averages or extremes would be forgiven a wrong exposure. None: x itself.
They take and return (H, W, 3): linear, 1.0 = the scale, clipped to [0, 1]; and code values in [0, 1].
"""

from __future__ import annotations

import math
from typing import Any, TypeVar

import numpy as np

from mqn.hdr.namespace import namespace
from mqn.hdr.transfer import srgb_encode

A = TypeVar("A")

MU = 5000.0
KEY = 0.18
BIAS = 0.85
CONTRAST = 0.7
LUMINANCE = (0.212656, 0.715158, 0.072186)
"""Weights of linear BT.709 red, green and blue in luminance, to the digits that PU21's published figures need."""

_LOG_FLOOR = 1e-6
_MANTIUK_FLOOR = 1e-4


def mulaw(x: A, mu: float = MU) -> A:
    """The mu-law, log(1 + mu x) / log(1 + mu) (Kalantari and Ramamoorthi 2017, Eq. 2, where mu = 5000).

    `x` is of any shape, numpy or torch; the result is meant to be shown as it is: no further gamma.
    """
    xp = namespace(x)
    compressed: A = xp.log1p(mu * xp.clip(x, 0.0, 1.0)) / math.log1p(mu)
    return compressed


def luminance(image: np.ndarray) -> np.ndarray:
    """Relative luminance, (...), of (..., 3) linear BT.709, in the picture's dtype."""
    red, green, blue = LUMINANCE
    values: np.ndarray = red * image[..., 0] + green * image[..., 1] + blue * image[..., 2]
    return values


def log_average(image: np.ndarray) -> float:
    """The geometric mean of luminance, each pixel at least 1e-6 of the scale (Reinhard et al. 2002, Eq. 1)."""
    return float(np.exp(np.log(np.maximum(luminance(image), _LOG_FLOOR)).mean(dtype=np.float64)))


def reinhard(x: np.ndarray, reference: np.ndarray | None = None, key: float = KEY) -> np.ndarray:
    """Reinhard's global operator (Reinhard et al. 2002, Eqs. 1, 2 and 4) on each channel, then the sRGB curve.

        m = key x / log_average(reference),  w = key / log_average(reference)
        display = srgb_encode(m (1 + m / w^2) / (1 + m))

    The white point w is the scale, so that 1.0 comes out as 1.0. Channel by channel and not by luminance, so that no
    saturated colour leaves the display's range and each value of a prediction counts by itself. The sRGB curve stands
    at the end because the operator gives light to be displayed, and differences are judged between code values.

    `key` is the value that the log-average is mapped to before compression.
    """
    exposure = key / log_average(x if reference is None else reference)
    scaled: Any = np.clip(x, 0.0, 1.0) * exposure
    display: np.ndarray = srgb_encode(scaled * (1 + scaled / exposure**2) / (1 + scaled))
    return np.clip(display, 0.0, 1.0)


def drago(x: np.ndarray, reference: np.ndarray | None = None, bias: float = BIAS) -> np.ndarray:
    """Drago's adaptive logarithm (Drago et al. 2003, Eq. 4) on each channel, then the sRGB curve.

        e = 1 / log_average(reference)
        display = srgb_encode(log(1 + e x) / log(1 + e) * log(10) / log(2 + 8 x^(log(bias) / log(0.5))))

    The paper's largest luminance is the scale, so that 0 comes out as 0 and 1.0 as 1.0. OpenCV's operator is the same
    curve, on luminance, and then stretches each picture from its own darkest to its own brightest value: not here.
    Channel by channel, and with the sRGB curve at the end, for `reinhard`'s reasons.

    `bias` says how fast the base of the logarithm rises from 2 in the dark to 10 in the light; 0.85 is the paper's.
    """
    exposure = 1 / log_average(x if reference is None else reference)
    scaled: Any = np.clip(x, 0.0, 1.0)
    base = np.log(2 + 8 * scaled ** (math.log(bias) / math.log(0.5)))
    display: np.ndarray = srgb_encode(np.log1p(exposure * scaled) / math.log1p(exposure) * math.log(10) / base)
    return np.clip(display, 0.0, 1.0)


def mantiuk(x: np.ndarray, reference: np.ndarray | None = None, contrast: float = CONTRAST) -> np.ndarray:
    """Mantiuk's contrast mapping (Mantiuk et al. 2006, as OpenCV has it), each pixel exposed as in the reference.

    The operator is local and knows contrasts only: whatever a picture's exposure, it comes out the same. So it maps the
    reference alone, and what it does there to each pixel's luminance is the exposure of that pixel:

        g = max(1, luminance(mapped reference) / luminance(reference)),  display = srgb_encode(g x)

    The reference is shown as the operator shows it, and a prediction of half the light is half as bright in every
    place. The bound of 1 keeps what the reference has in its darkest pixels, which OpenCV maps to 0, from hiding what a
    prediction has there. A reference without contrast has g = 1.

    `contrast` is the factor of all contrasts; 0.7 is OpenCV's.
    """
    return srgb_encode(
        np.clip(np.clip(x, 0.0, 1.0) * _local_gain(x if reference is None else reference, contrast), 0, 1)
    )


def _local_gain(reference: np.ndarray, contrast: float) -> np.ndarray:
    import cv2

    from mqn.hdr.opencv import process

    scene = np.clip(np.asarray(reference, np.float64), 0.0, 1.0)
    peak = scene.max()
    mapped = process(cv2.createTonemapMantiuk(1.0, contrast, 1.0), scene / peak) if peak > 0 else None
    if mapped is None:
        return np.ones((*scene.shape[:2], 1))
    # OpenCV takes the logarithm of at least 1e-4 of the peak: below, it knows no contrast.
    lights = np.maximum(luminance(scene), _MANTIUK_FLOOR * peak)
    return np.maximum(luminance(mapped.astype(np.float64)) / lights, 1.0)[..., None]
