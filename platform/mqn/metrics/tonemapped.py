"""PSNR-TM and SSIM-TM: prediction and truth through one fixed tone-mapping operator, then compared as shown pictures.

The scale comes from the truth alone, and so does the operator's exposure: a prediction of half the light is half as
bright here too, and loses. (The authors' figure draws an operator at random for each side and normalises each picture
by its own extremes, which forgives any exposure: the operator called `legacy`, see `mqn.metrics.legacy`.)
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mqn.errors import UnknownNameError
from mqn.hdr.codec import picture_scale
from mqn.hdr.tonemap import drago, mantiuk, mulaw, reinhard
from mqn.metrics import fidelity, legacy

_OPERATORS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "mulaw": lambda image, _: mulaw(image),
    "reinhard": reinhard,
    "drago": drago,
    "mantiuk": mantiuk,
}

OPERATORS = tuple(_OPERATORS)
LEGACY = "legacy"


def psnr(test: np.ndarray, reference: np.ndarray, operator: str = "mulaw", *, scale: float | None = None) -> float:
    """PSNR of tone-mapped pictures, all channels together, peak 1.

    Args:
        test: (H, W, 3) linear light, in the reference's unit.
        reference: (H, W, 3) linear light in any unit, the truth; it also sets the operator's exposure.
        operator: `mulaw` (mu = 5000), `reinhard`, `drago` (bias 0.85) or `mantiuk` (contrast 0.7), see
            `mqn.hdr.tonemap`; or `legacy`, which looks at no scale.
        scale: the light that becomes 1.0 in both pictures; what is above is clipped. None: the reference's 99.9 %
            point (`mqn.hdr.codec.picture_scale`), which changes nothing where the pictures are scaled by it already.

    Returns:
        dB; infinite where the tone-mapped pictures are equal.

    Raises:
        UnknownNameError: there is no such operator; names the nearest.
        PictureError: no scale is given, and the reference is black or not finite.
        ValueError: the shapes differ.
    """
    if operator == LEGACY:
        return legacy.psnr(test, reference)
    return fidelity.psnr(*_mapped(test, reference, operator, scale), peak=1.0)


def ssim(test: np.ndarray, reference: np.ndarray, operator: str = "mulaw", *, scale: float | None = None) -> float:
    """SSIM of tone-mapped pictures: the mean over the three channels; see `fidelity.ssim`. At most 1.

    Arguments and errors are those of `psnr`; both pictures need 11 x 11 pixels or more.
    """
    if operator == LEGACY:
        return legacy.ssim(test, reference)
    return fidelity.ssim(*_mapped(test, reference, operator, scale), data_range=1.0)


def _mapped(
    test: np.ndarray, reference: np.ndarray, operator: str, scale: float | None
) -> tuple[np.ndarray, np.ndarray]:
    try:
        apply = _OPERATORS[operator]
    except KeyError:
        raise UnknownNameError("tone-mapping operator", operator, (*OPERATORS, LEGACY)) from None
    divisor = np.float64(picture_scale(reference, "the reference") if scale is None else scale)
    # Not in float32: its rounding after the curve would decide among predictions that are nearly perfect.
    truth = reference / divisor
    return apply(test / divisor, truth), apply(truth, truth)
