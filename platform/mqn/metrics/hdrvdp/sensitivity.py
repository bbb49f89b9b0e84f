"""Contrast sensitivity without what optics and receptors take: what the noise behind them leaves to be seen."""

from __future__ import annotations

import numpy as np

# Mantiuk et al. 2011, as calibrated in release 2.2: a row a luminance.
_LUMINANCES = (0.002, 0.02, 0.2, 2.0, 20.0, 150.0)
_C1 = (0.991265, 0.800889, 0.476505, 0.405782, 0.334278, 0.394533)
_C2 = (3.74038, 3.54104, 4.37453, 4.40602, 3.79542, 2.7755)
_C3 = (0.50722, 0.682505, 0.750315, 0.935314, 1.07327, 1.16577)
_C4 = (4.46044, 4.94958, 5.28678, 5.61425, 6.4635, 7.45665)
_KNEE = 7.0


def sensitivity(frequency: np.ndarray | float, decades: np.ndarray | float) -> np.ndarray:
    """The neural contrast sensitivity function, nCSF.

    Args:
        frequency: cycles per degree, at least 0.
        decades: decimal logarithm of the light adapted to, cd/m2; beyond 0.002 .. 150 cd/m2 the ends count.
            Broadcast against the frequency.

    Returns:
        Sensitivity, the reciprocal of the threshold; 0 at frequency 0.
    """
    known = np.log10(_LUMINANCES)
    c1, c2, c3, c4 = (np.interp(decades, known, c) for c in (_C1, _C2, _C3, _C4))
    frequency = np.asarray(frequency, np.float64)
    low_cut = -np.expm1(-((frequency / _KNEE) ** 2))
    values: np.ndarray = c4 * np.sqrt(low_cut**c3 / (1 + (c1 * frequency) ** c2))
    return values
