"""PSNR-TM and SSIM-TM: prediction and truth through one fixed tone-mapping operator, then compared as shown pictures.

The scale comes from the truth alone, and so does the operator's exposure: a prediction of half the light is half as
bright here too, and loses. (The authors' figure draws an operator at random for each side and normalises each picture
by its own extremes, which forgives any exposure.)
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mqn.errors import UnknownNameError
from mqn.hdr.tonemap import mulaw, reinhard
from mqn.metrics import fidelity

_OPERATORS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "mulaw": lambda image, _: mulaw(image),
    "reinhard": reinhard,
}

OPERATORS = tuple(_OPERATORS)


def psnr(test: np.ndarray, reference: np.ndarray, operator: str = "mulaw") -> float:
    """PSNR of tone-mapped pictures, all channels together, peak 1.

    Args:
        test: (H, W, 3) linear, 1.0 = the 99.9 % point of `reference`'s own truth; clipped to [0, 1] by the operator.
        reference: (H, W, 3), the truth at the same scale; also sets the operator's exposure.
        operator: `mulaw` (mu = 5000) or `reinhard`, see `mqn.hdr.tonemap`.

    Returns:
        dB; infinite where the tone-mapped pictures are equal.

    Raises:
        UnknownNameError: there is no such operator; names the nearest.
        ValueError: the shapes differ.
    """
    return fidelity.psnr(*_mapped(test, reference, operator), peak=1.0)


def ssim(test: np.ndarray, reference: np.ndarray, operator: str = "mulaw") -> float:
    """SSIM of tone-mapped pictures: the mean over the three channels, see `mqn.metrics.fidelity.ssim`.

    Args:
        test: as for `psnr`; at least 11 x 11.
        reference: as for `psnr`.
        operator: as for `psnr`.

    Returns:
        At most 1.

    Raises:
        UnknownNameError: there is no such operator; names the nearest.
        ValueError: the shapes differ or are too small.
    """
    return fidelity.ssim(*_mapped(test, reference, operator), data_range=1.0)


def _mapped(test: np.ndarray, reference: np.ndarray, operator: str) -> tuple[np.ndarray, np.ndarray]:
    try:
        apply = _OPERATORS[operator]
    except KeyError:
        raise UnknownNameError("tone-mapping operator", operator, OPERATORS) from None
    # In float32 the error of equal-looking pictures drowns in rounding: 1e-7 of a code value is 140 dB.
    truth = reference.astype(np.float64, copy=False)
    return apply(test.astype(np.float64, copy=False), truth), apply(truth, truth)
