"""Taps of the steerable pyramid with four orientations, as Simoncelli published them (`sp3Filters`).

E. P. Simoncelli and W. T. Freeman, "The steerable pyramid", ICIP 1995; A. Karasaridis and E. P. Simoncelli, "A filter
design technique for steerable pyramid image transforms", ICASSP 1996. The numbers are those of `sp3_filters` in
pyrtools 1.1.1, every digit. The filters are symmetric, so that a part of each tells the whole.
"""

from __future__ import annotations

import numpy as np

LARGEST = 17
"""Rows and columns of the largest filter; a level of the pyramid needs a picture as large."""

# A filter with every symmetry of the square is given by an eighth: of row i what stands from column i to the middle.
# fmt: off
_HIGH = (
    -0.000404839986, -0.00062596000498, -3.7829999201e-05, 0.00088387000142, 0.0015450799838, 0.0019235999789,
    0.0020687500946, 0.0020898699295,
    -0.00032734998967, 0.00077435001731, 0.0015874400269, 0.0021750701126, 0.0025626500137, 0.0022892199922,
    0.0019755100366,
    0.0011793200392, 0.0014050999889, 0.0022253401112, 0.0021145299543, 0.00033578000148, -0.00083368999185,
    0.0012960999738, -0.00049274001503, -0.0031295299996, -0.0045751798898, -0.0051014497876,
    -0.0063222697936, -0.0027556000277, 0.0053632198833, 0.0073032598011,
    0.013962360099, 0.0078046298586, -0.0093812197447,
    -0.079501636326, -0.1554141641,
    0.7303866148,
)
_LOW = (
    -8.7009997515e-05, -0.0013542800443, -0.001601260039, -0.00050337001448, 0.0025240099058,
    0.0029215801042, 0.0075227199122, 0.0082244202495, 0.0011076199589,
    -0.007061290089, -0.037694871426, -0.032971370965,
    0.043813198805, 0.181160301,
    0.4376249909,
)
_HALVING = (
    -4.3500000174e-05, 0.00012078000145, -0.00067714002216, -0.00012434000382, -0.00080063997302, -0.0015970399836,
    -0.00025168000138, -0.00042019999819, 0.001261999947,
    0.00044606000301, -0.00058146001538, 0.00056215998484, -0.00013688000035, 0.0023255399428, 0.0028898599558,
    0.0042872801423, 0.0055893999524,
    0.0014607800404, 0.0021605400834, 0.0037613599561, 0.0030809799209, 0.0041121998802, 0.0022212199401,
    0.00055381999118,
    0.0031757799443, 0.0031846798956, -0.0017774800071, -0.0074316998944, -0.0090569201857, -0.0096372198313,
    -0.0035306399222, -0.012604200281, -0.018847439438, -0.017508180812, -0.016485679895,
    -0.020229380578, -0.011091699824, 0.0039556599222, 0.014385120012,
    0.021906599402, 0.068065837026, 0.090580143034,
    0.1445499808, 0.1773651242,
    0.2120374441,
)
# The rows down to the middle one, the columns left of the middle one: even from top to bottom, odd from left to right.
_UPRIGHT = (
    -0.00081125000725, 0.0039103501476, 0.0013462699717, 0.00074700999539,
    0.0044451598078, 0.004456540104, -0.0037740699481, -0.00036522001028,
    0.012316980399, -0.0058724298142, 0.0082581602037, -0.022522680461,
    0.013955879956, -0.0028760801069, 0.039442278445, -0.1105690673,
    0.01417945046, 0.0085267601535, 0.053605638444, -0.1768419296,
)
# Of row i the columns i to 7 - i: even about the main diagonal, odd about the other one.
_DIAGONAL = (
    0.0031221499667, -0.0086204400286, -0.014807609841, -0.0080871898681, -0.0046670897864, -4.0110000555e-05,
    5.7109999034e-05, 0.00082846998703,
    -0.014917500317, 0.0044814897701, -0.002329879906, 0.002086560009, 0.0069718998857, 0.00097479997203,
    -0.032785870135, -0.050797060132, 0.024427289143, 0.012145539746,
    0.082495503128, 0.1510555595,
)
# fmt: on


def high() -> np.ndarray:
    """The filter of the residual high-pass band: (15, 15)."""
    return _whole(_HIGH)


def low() -> np.ndarray:
    """The low-pass filter that stands before the first level: (9, 9)."""
    return _whole(_LOW)


def halving() -> np.ndarray:
    """The low-pass filter between levels, followed by taking every second row and column: (17, 17), sum 2."""
    return _whole(_HALVING)


def oriented() -> np.ndarray:
    """The four oriented filters, in the published order: (4, 9, 9), each odd under a half turn."""
    left = np.pad(np.reshape(_UPRIGHT, (5, 4)), ((0, 4), (0, 0)), mode="reflect")
    upright = np.hstack([left, np.zeros((9, 1)), -left[:, ::-1]])
    wedge = np.zeros((9, 9))
    rows, columns = zip(*((i, j) for i in range(4) for j in range(i, 8 - i)), strict=True)
    wedge[rows, columns] = wedge[columns, rows] = _DIAGONAL
    diagonal = wedge - wedge[::-1, ::-1]
    return np.stack([upright, diagonal[:, ::-1], np.rot90(upright), diagonal])


def _whole(eighth: tuple[float, ...]) -> np.ndarray:
    half = (int((8 * len(eighth) + 1) ** 0.5) - 1) // 2
    quarter = np.zeros((half, half))
    rows, columns = np.triu_indices(half)
    quarter[rows, columns] = quarter[columns, rows] = eighth
    return np.pad(quarter, (0, half - 1), mode="reflect")
