"""Transfer functions between linear light and code values: sRGB and PQ. Numpy arrays and torch tensors alike."""

from __future__ import annotations

from typing import TypeVar

from mqn.hdr.namespace import namespace

A = TypeVar("A")

PQ_PEAK_NITS = 10000.0

# SMPTE ST 2084:2014, section 5.
_M1 = 2610 / 16384
_M2 = 2523 / 4096 * 128
_C1 = 3424 / 4096
_C2 = 2413 / 4096 * 32
_C3 = 2392 / 4096 * 32


def srgb_encode(linear: A) -> A:
    """Encode linear display light as sRGB code values (IEC 61966-2-1). The shape stays.

    White is 1.0 in both. What is below 0 counts as 0; above 1 the power law goes on.
    """
    xp = namespace(linear)
    positive = xp.clip(linear, 0.0, None)
    # The power's branch is evaluated everywhere; keep 0 out of it, its gradient there is infinite.
    power = 1.055 * xp.clip(positive, 0.0031308, None) ** (1 / 2.4) - 0.055
    return xp.where(positive <= 0.0031308, 12.92 * positive, power)


def srgb_decode(code: A) -> A:
    """Decode sRGB code values to linear display light (IEC 61966-2-1). The shape stays.

    White is 1.0 in both. What is below 0 counts as 0; above 1 the power law goes on.
    """
    xp = namespace(code)
    positive = xp.clip(code, 0.0, None)
    return xp.where(positive <= 0.04045, positive / 12.92, ((positive + 0.055) / 1.055) ** 2.4)


def pq_encode(nits: A) -> A:
    """Encode luminance in cd/m2 as PQ code values, 0 to 1 (SMPTE ST 2084, inverse EOTF).

    Luminance is clipped to 0 .. 10000 cd/m2. The shape stays.
    """
    xp = namespace(nits)
    powered = (xp.clip(nits, 0.0, PQ_PEAK_NITS) / PQ_PEAK_NITS) ** _M1
    return ((_C1 + _C2 * powered) / (1.0 + _C3 * powered)) ** _M2


def pq_decode(code: A) -> A:
    """Decode PQ code values to luminance, 0 to 10000 cd/m2 (SMPTE ST 2084, EOTF).

    Code values are clipped to 0 .. 1. The shape stays.
    """
    xp = namespace(code)
    root = xp.clip(code, 0.0, 1.0) ** (1 / _M2)
    return PQ_PEAK_NITS * (xp.clip(root - _C1, 0.0, None) / (_C2 - _C3 * root)) ** (1 / _M1)
