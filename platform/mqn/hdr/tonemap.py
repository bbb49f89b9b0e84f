"""Fixed tone-mapping operators, for judging and for looking at pictures: no parameter of theirs is drawn or fitted.

Both take pictures scaled such that 1.0 is the truth's 99.9 % point (`mqn.hdr.codec.picture_scale`) and map 0 to 0 and
1.0 to 1.0; what lies above is clipped, as a display would.
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
LUMINANCE = (0.212656, 0.715158, 0.072186)
"""Weights of linear BT.709 red, green and blue in luminance, to the digits that PU21's published figures need."""

_LOG_FLOOR = 1e-6


def mulaw(x: A, mu: float = MU) -> A:
    """The mu-law, log(1 + mu x) / log(1 + mu) (Kalantari and Ramamoorthi 2017, Eq. 2, where mu = 5000).

    Args:
        x: floats of any shape, linear, 1.0 = the scale; clipped to [0, 1]. Numpy or torch.
        mu: the compression.

    Returns:
        The same shape, in [0, 1], meant to be shown as it is: no further gamma.
    """
    xp = namespace(x)
    compressed: A = xp.log1p(mu * xp.clip(x, 0.0, 1.0)) / math.log1p(mu)
    return compressed


def luminance(image: np.ndarray) -> np.ndarray:
    """Relative luminance of linear BT.709.

    Args:
        image: (..., 3) linear.

    Returns:
        (...), of the picture's dtype.
    """
    red, green, blue = LUMINANCE
    values: np.ndarray = red * image[..., 0] + green * image[..., 1] + blue * image[..., 2]
    return values


def log_average(image: np.ndarray) -> float:
    """The log-average luminance of a picture (Reinhard et al. 2002, Eq. 1), each pixel at least 1e-6 of the scale.

    Args:
        image: (H, W, 3) linear, 1.0 = the scale.

    Returns:
        Its geometric mean luminance, at least 1e-6.
    """
    return float(np.exp(np.log(np.maximum(luminance(image), _LOG_FLOOR)).mean(dtype=np.float64)))


def reinhard(x: np.ndarray, reference: np.ndarray | None = None, key: float = KEY) -> np.ndarray:
    """Reinhard's global operator (Reinhard et al. 2002, Eqs. 1, 2 and 4) on each channel, then the sRGB curve.

        m = key x / log_average(reference),  w = key / log_average(reference)
        display = srgb_encode(m (1 + m / w^2) / (1 + m))

    The white point w is the scale, so that 1.0 comes out as 1.0. Channel by channel and not by luminance, so that no
    saturated colour leaves the display's range and each value of a prediction counts by itself. The sRGB curve stands
    at the end because the operator gives light to be displayed, and differences are judged between code values.

    Args:
        x: (H, W, 3) linear, 1.0 = the scale; clipped to [0, 1].
        reference: the picture that sets the exposure: the truth, when x is a prediction. A prediction mapped by its own
            log-average would be forgiven a wrong exposure. None: x itself.
        key: what the log-average is mapped to before compression.

    Returns:
        (H, W, 3) code values in [0, 1].
    """
    exposure = key / log_average(x if reference is None else reference)
    scaled: Any = np.clip(x, 0.0, 1.0) * exposure
    display: np.ndarray = srgb_encode(scaled * (1 + scaled / exposure**2) / (1 + scaled))
    return np.clip(display, 0.0, 1.0)
