"""PU21: PSNR and SSIM of HDR pictures in perceptually uniform code values.

R. K. Mantiuk and M. Azimi, "PU21: A novel perceptually uniform encoding for adapting existing quality metrics for HDR",
Picture Coding Symposium 2021. Pictures are absolute, in cd/m2. The encoding is the paper's `banding_glare`: 256 is
about the code value of 100 cd/m2, white on an ordinary display, so that figures are comparable to those of ordinary
pictures with peak 256.
"""

from __future__ import annotations

import numpy as np

from mqn.hdr.tonemap import luminance
from mqn.metrics import fidelity

PEAK = 256.0
LOWEST_NITS = 0.005
HIGHEST_NITS = 10000.0

# Parameters p1 .. p7 of the function for `banding_glare`, as published with the paper.
_P1, _P2, _P3, _P4, _P5, _P6, _P7 = (
    0.353487901,
    0.3734658629,
    8.277049286e-05,
    0.9062562627,
    0.09150303166,
    0.9099517204,
    596.3148142,
)


def encode(cd_m2: np.ndarray) -> np.ndarray:
    """Encode luminance, or a linear colour channel, in cd/m2 as PU21 code values: float64 of the same shape.

    The fit holds for 0.005 .. 10000 cd/m2, and what lies beyond is clipped. Code values go from 0 to 595.4; 100 cd/m2
    has 256.4.
    """
    nits = np.clip(np.asarray(cd_m2, np.float64), LOWEST_NITS, HIGHEST_NITS)
    powered = nits**_P4
    code: np.ndarray = _P7 * (((_P1 + _P2 * powered) / (1 + _P3 * powered)) ** _P5 - _P6)
    return np.maximum(code, 0.0)


def psnr(test: np.ndarray, reference: np.ndarray) -> float:
    """PU21-PSNR: red, green and blue encoded each, peak 256.

    Args:
        test: (H, W, 3) linear BT.709, cd/m2.
        reference: the same shape.

    Returns:
        dB; infinite where the encoded pictures are equal.

    Raises:
        ValueError: the shapes differ.
    """
    return fidelity.psnr(encode(test), encode(reference), peak=PEAK)


def ssim(test: np.ndarray, reference: np.ndarray) -> float:
    """PU21-SSIM of encoded luminance, with range 256; see `fidelity.ssim`. At most 1.

    Arguments and errors are those of `psnr`; both pictures need 11 x 11 pixels or more.
    """
    codes = [encode(luminance(np.asarray(image, np.float64))) for image in (test, reference)]
    return fidelity.ssim(codes[0], codes[1], data_range=PEAK)
