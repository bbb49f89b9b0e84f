"""Camera response curves: light on the sensor to code value.

The family is that of Eilertsen et al., "HDR image reconstruction from a single exposure using deep CNNs" (2017, Eq. 9),

    f(x) = (1 + sigma) x^n / (x^n + sigma),

which they fitted to the 201 measured curves of Grossberg and Nayar's database (2003). Measured curves themselves are
read from a file in that database's text format; the file is the user's, nothing of it is shipped.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mqn.errors import DataError
from mqn.networks.fetched import local_file

EXPONENT = (0.87, 0.1)
SIGMA = (0.6, 0.2)
"""Mean and standard deviation; theirs are 0.9, 0.1 and 0.6, 0.1."""

PARAMETRIC = "parametric"
_STEPS = 1 << 14
_LINES = 6
"""Of a curve in the database's file: name, kind, `I =`, its values, `B =`, its values."""


class Response:
    """A response curve, ready to apply: a table over evenly spaced light."""

    def __init__(self, light: np.ndarray, code: np.ndarray) -> None:
        """Make the table. `light`, (K,), rises from 0 to 1. `code`, (K,), goes from 0 to 1 and never falls."""
        # Even steps in the root of light: the curve is steepest near black.
        self._table = np.interp(np.linspace(0, 1, _STEPS) ** 2, light, code).astype(np.float32)

    def __call__(self, light: np.ndarray) -> np.ndarray:
        """Turn light into code values in [0, 1], not rounded.

        `light` is float32 in [0, 1], of any shape; 1 is the sensor's full scale.
        """
        steps = np.sqrt(light)
        steps *= _STEPS - 1
        return np.take(self._table, (steps + np.float32(0.5)).astype(np.int32))


def parametric(exponent: float, sigma: float) -> Response:
    """Make a curve of the family.

    `exponent` is n, above 0. The smaller `sigma`, above 0, the more of the light is compressed towards white.
    """
    light = np.linspace(0, 1, _STEPS) ** 2
    powered = light**exponent
    return Response(light, (1 + sigma) * powered / (powered + sigma))


def draw_parametric(generator: np.random.Generator) -> Response:
    """A curve of the family, parameters drawn from normal distributions and kept away from absurd ones."""
    exponent, sigma = generator.normal(*EXPONENT), generator.normal(*SIGMA)
    return parametric(float(np.clip(exponent, 0.6, 1.15)), float(np.clip(sigma, 0.2, 1.5)))


def read_curves(path: Path | str) -> tuple[Response, ...]:
    """Read measured curves, in the file's order.

    The text file has the format of the Database of Response Functions (dorfCurves.txt). A curve is six lines: its name,
    its kind, `I =`, the light, `B =`, the code values. Light and code values rise from 0 to 1.

    Raises:
        DataError: the file cannot be read or understood; names the line.
    """
    try:
        lines = [line.strip() for line in local_file(path).read_text(encoding="latin-1").splitlines() if line.strip()]
    except OSError as error:
        raise DataError(f"cannot read response curves {path}: {error.strerror}; give a dorfCurves.txt") from error
    if not lines or len(lines) % _LINES:
        raise DataError(f"{path} has {len(lines)} lines with text; a file of response curves has {_LINES} for each")
    return tuple(_curve(path, start, lines[start : start + _LINES]) for start in range(0, len(lines), _LINES))


def curves_of(source: str) -> tuple[Response, ...]:
    """The curves that `mqn.records.Training.response_curves` names: none for the parametric family.

    Raises:
        DataError: as of `read_curves`.
    """
    return () if source == PARAMETRIC else read_curves(source)


def _curve(path: Path | str, start: int, lines: list[str]) -> Response:
    name = lines[0]
    try:
        light, code = (np.array(lines[row].split(), np.float64) for row in (3, 5))
    except ValueError as error:
        raise DataError(f"{path}: curve {name!r} (line {start + 1} of those with text): {error}") from error
    rising = light.size == code.size >= 2 and (np.diff(light) > 0).all() and (np.diff(code) >= 0).all()
    if not rising or min(light[0], code[0]) < 0 or max(light[-1], code[-1]) > 1:
        raise DataError(
            f"{path}: curve {name!r} (line {start + 1} of those with text): light and code must rise from 0 to 1"
        )
    return Response(light, code)
