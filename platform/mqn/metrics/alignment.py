"""Bring a prediction nearer to its truth before it is judged: by one factor, or by a smooth camera response.

A single picture says neither how long it was exposed nor which response curve its camera has. What a method gets wrong
there hides what else it gets right or wrong; judged once as predicted and once aligned, the two come apart. Both
alignments look at the truth, so an aligned figure is never a figure of what a user would see.

Both are asked for by P. Hanji, R. K. Mantiuk, G. Eilertsen, S. Hajisharif and J. Unger, "Comparison of single image HDR
reconstruction methods - the caveats of quality assessment", SIGGRAPH 2022; the response correction is theirs.
"""

from __future__ import annotations

import numpy as np

from mqn.hdr.tonemap import luminance
from mqn.metrics.fidelity import require_pictures

GAIN_PERCENTILES = (10.0, 90.0)
"""Of the truth's luminance: the pixels between them set the gain, so that neither clipped lamps nor noise in the dark
decide."""

DEGREE = 3
"""Of the response's polynomials."""

LAMBDA = 0.01
"""Weight of the pull towards leaving chromaticities alone, in the mean square error of one pixel."""

LOWEST_NITS = 0.005
HIGHEST_NITS = 10000.0

# SMPTE ST 2084's constants, with the digits of the published correction.
_M, _N, _C1, _C2, _C3 = 78.8438, 0.1593, 0.8359, 18.8516, 18.6875

# Linear BT.709 to CIE XYZ, with the digits of the published correction.
_XYZ = np.array([[0.412424, 0.357579, 0.180464], [0.212656, 0.715158, 0.072186], [0.019332, 0.119193, 0.950444]])
_XYZ_LOWEST, _XYZ_HIGHEST = 1e-4, 1e8
_CHROMATICITY_SCALE = 410 / 255
"""Brings u' and v' to about [0, 1]."""


def gain(test: np.ndarray, reference: np.ndarray) -> float:
    """The factor that brings a prediction to its truth's exposure.

    The geometric mean of the truth's luminance over the prediction's, over the pixels whose truth lies between the
    10 % and the 90 % point of its luminance. Pixels where either picture is black say nothing of exposure and are left
    out.

    Args:
        test: (H, W, 3) linear BT.709 in any unit, not negative.
        reference: the same shape, the truth.

    Returns:
        More than 0; 1 where no pixel is left.

    Raises:
        ValueError: the shapes differ.
    """
    require_pictures(test, reference)
    light, truth = luminance(np.asarray(test, np.float64)), luminance(np.asarray(reference, np.float64))
    low, high = np.percentile(truth, GAIN_PERCENTILES)
    telling = (truth >= low) & (truth <= high) & (truth > 0) & (light > 0)
    if not telling.any():
        return 1.0
    return float(np.exp(np.mean(np.log(truth[telling]) - np.log(light[telling]))))


def align_gain(test: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Multiply a prediction by its `gain`. Arguments and errors are those of `gain`.

    The result is (H, W, 3) float64, in the reference's unit.
    """
    aligned: np.ndarray = np.asarray(test, np.float64) * gain(test, reference)
    return aligned


def correct_response(test: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Undo whatever smooth response parts a prediction from its truth (the paper's CRF correction).

    Luminance goes through the cubic polynomial that fits the truth's best, by least squares between PQ code values.
    CIE 1976 u' and v' go through one cubic polynomial of both (with the product u'v'), by least squares that are
    pulled towards leaving them alone: (X'X + s I) W = X'Y + s W0 with W0 the identity map and s = `LAMBDA` x pixels /
    coefficients. Neither need rise everywhere.

    Args:
        test: (H, W, 3) linear BT.709, cd/m2; what lies below 0.005 is raised to it.
        reference: the same shape, the truth, cd/m2.

    Returns:
        (H, W, 3) float64, cd/m2, not negative, luminance at most 10000.

    Raises:
        ValueError: the shapes differ.
    """
    require_pictures(test, reference)
    light, colour = _luminance_and_chromaticity(np.maximum(test, LOWEST_NITS, dtype=np.float64))
    true_light, true_colour = _luminance_and_chromaticity(np.maximum(reference, LOWEST_NITS, dtype=np.float64))

    code = _powers(_pq(light)[:, None])
    curve, *_ = np.linalg.lstsq(code, _pq(true_light), rcond=None)
    bounds = _pq(np.array([LOWEST_NITS, HIGHEST_NITS]))
    corrected = _pq_inverse(np.clip(code @ curve, *bounds))

    terms = _powers(colour)
    pull = LAMBDA * len(terms) / terms.shape[1]
    unchanged = np.zeros((terms.shape[1], 2))
    unchanged[1, 0] = unchanged[2, 1] = 1
    weights = np.linalg.solve(terms.T @ terms + pull * np.eye(terms.shape[1]), terms.T @ true_colour + pull * unchanged)
    return _rgb(corrected, np.maximum(terms @ weights, LOWEST_NITS)).reshape(np.shape(test))


def _powers(values: np.ndarray) -> np.ndarray:
    """(N, C) to the (N, K) terms of a polynomial: 1, each channel, their product if there are two, then the powers."""
    columns = [np.ones(len(values)), *values.T]
    if values.shape[1] == 2:
        columns.append(values.prod(axis=1))
    columns += [channel**power for power in range(2, DEGREE + 1) for channel in values.T]
    return np.stack(columns, axis=1)


def _pq(nits: np.ndarray) -> np.ndarray:
    powered = (nits / HIGHEST_NITS) ** _N
    code: np.ndarray = ((_C1 + _C2 * powered) / (1 + _C3 * powered)) ** _M
    return code


def _pq_inverse(code: np.ndarray) -> np.ndarray:
    root = code ** (1 / _M)
    nits: np.ndarray = HIGHEST_NITS * ((root - _C1) / (_C2 - _C3 * root)) ** (1 / _N)
    return nits


def _luminance_and_chromaticity(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(H, W, 3) linear BT.709 to (N,) luminance and (N, 2) scaled u' v' (CIE 1976)."""
    x, y, z = np.clip(image.reshape(-1, 3) @ _XYZ.T, _XYZ_LOWEST, _XYZ_HIGHEST).T
    below = x + 15 * y + 3 * z
    return y, np.stack([4 * x / below, 9 * y / below], axis=1) * _CHROMATICITY_SCALE


def _rgb(light: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """The way back: (N,) and (N, 2) to (N, 3)."""
    u, v = colour.T / _CHROMATICITY_SCALE
    x, z = light * 9 * u / (4 * v), light * (12 - 3 * u - 20 * v) / (4 * v)
    xyz = np.clip(np.stack([x, light, z], axis=1), _XYZ_LOWEST, _XYZ_HIGHEST)
    return np.maximum(xyz @ np.linalg.inv(_XYZ).T, 0)
