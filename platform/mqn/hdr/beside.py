"""Shows a linear picture beside an LDR one: as bright where the LDR picture shows something, highlights rolled off.

The mu-law and its kin lift shadows so far that nothing can be compared with the LDR picture. Here a picture is exposed
as the LDR picture is, shown as it is up to half of white, and above that a logarithm brings the brightest to white.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from mqn.hdr.tonemap import luminance
from mqn.hdr.transfer import srgb_decode, srgb_encode

KNEE = 0.5
"""Of white's light: up to here a picture is shown as it is."""

WORDS = "linear pictures exposed as the LDR picture, shown as they are up to half of white, highlights logarithmic"
"""What is done, for captions."""

# Light of an LDR picture that is neither noise nor nearly clipped, and the point of a truth that becomes white.
_DARK, _BRIGHT, _WHITE_PERCENTILE = 0.033, 0.79, 99.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """How pictures of one scene are shown: all alike.

    Attributes:
        factor: what their light is multiplied by.
        white: the light, after that, which becomes white; at least 1.
    """

    factor: float
    white: float


def exposure_beside(ldr: np.ndarray, truth: np.ndarray) -> Exposure:
    """The exposure by which a truth is as bright as its LDR picture, where that is neither dark nor clipped.

    Args:
        ldr: (H, W, 3) in [0, 1], display-referred sRGB.
        truth: (H, W, 3), linear, of any scale.
    """
    shown, light = luminance(srgb_decode(ldr)), luminance(truth)
    told = (shown > _DARK) & (shown < _BRIGHT) & (light > 0)
    if not told.any():  # All dark or all clipped: whatever there is.
        told = (shown > 0) & (light > 0)
    factor = float(np.median(shown[told] / light[told])) if told.any() else 1.0
    return Exposure(factor=factor, white=max(1.0, factor * float(np.percentile(truth, _WHITE_PERCENTILE))))


def shown_beside(light: np.ndarray, exposure: Exposure) -> np.ndarray:
    """(H, W, 3) linear light as code values in [0, 1]."""
    exposed: Any = np.maximum(light, 0) * exposure.factor
    above = np.maximum(exposed - KNEE, 0)
    bend = _bend(exposure.white - KNEE)
    rolled = exposed if bend is None else np.minimum(exposed, KNEE) + bend * np.log1p(above / bend)
    codes: np.ndarray = srgb_encode(np.clip(rolled, 0, 1))
    return codes


def _bend(reach: float) -> float | None:
    """The b of b log(1 + x / b), which starts as x does, and for which x = `reach` comes out as 1 - `KNEE`.

    None: `reach` needs no rolling off.
    """
    room = 1 - KNEE
    if reach <= room * (1 + 1e-6):
        return None
    low, high = 1e-9, 1.0
    while high * math.log1p(reach / high) < room:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if middle * math.log1p(reach / middle) < room else (low, middle)
    return (low + high) / 2
