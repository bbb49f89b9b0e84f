"""Operators that look at each pixel by itself: one curve for a picture, perhaps chosen by its statistics."""

from __future__ import annotations

import math

import numpy as np

from mqn.hdr.expansion.light import HEADROOM, linearize, relight
from mqn.hdr.expansion.statistics import key, log_average

LANDIS_THRESHOLD, LANDIS_POWER = 0.5, 2.0
AKYUZ_GAMMA = 1.0
SLOPE_2009, OFFSET_2009 = 10.44, -6.282
CONSTANT_2017, LOG_AVERAGE_2017, KEY_2017, OVER_EXPOSED_2017 = 2.4379, 0.2319, -1.1228, 0.0085
OVER_EXPOSED_FROM = 254 / 255
MINIMUM_GAMMA = 1.0
"""Of both of Masia's operators."""


def landis(ldr: np.ndarray) -> np.ndarray:
    """Expand what is brighter than a threshold, more and more towards white (Landis 2002).

        L' = L                      below R
        L' = (1 - w) L + w L_max    from R on,  w = ((L - R) / (1 - R))^alpha

    R = 0.5 and alpha = 2 are the HDR Toolbox's, which multiplies L_max by L once more: the same at white. Left open:
    what the new maximum is. Here L is in units of LDR white, and L_max is 10: 1000 cd/m2 where LDR white was 100.

    1.0 = L_max, what white becomes.
    """
    linear, luminance = linearize(ldr)
    weight = np.clip((luminance - LANDIS_THRESHOLD) / (1 - LANDIS_THRESHOLD), 0.0, None) ** LANDIS_POWER
    expanded = (1 - weight) * luminance + weight * HEADROOM
    return relight(linear, luminance, expanded / HEADROOM)


def akyuz(ldr: np.ndarray) -> np.ndarray:
    """Stretch the picture's own range to that of the display (Akyuz et al. 2007).

        L' = peak ((L - L_min) / (L_max - L_min))^gamma

    Gamma is 1, which the paper's observers liked as well as anything more elaborate. Left open: a picture of one
    luminance, which stays as it is.

    1.0 = the display's peak, what the brightest pixel gets.
    """
    linear, luminance = linearize(ldr)
    low, high = luminance.min(), luminance.max()
    if low == high:
        return linear
    return relight(linear, luminance, ((luminance - low) / (high - low)) ** np.float32(AKYUZ_GAMMA))


def masia2009(ldr: np.ndarray) -> np.ndarray:
    """Expand by a power (Masia et al. 2009).

        L' = peak L^gamma,  gamma = 10.44 k - 6.282

    k is the key (`mqn.hdr.expansion.statistics.key`); the line was fitted to what observers chose, for pictures
    that tend to over-exposure. Left open: what holds for others. Below k = 0.70 the line gives less than 1, below 0.60
    a negative gamma, which would turn light and dark about; here gamma is at least 1, so that nothing is compressed.
    The optional bilateral filter against noise has no published parameters and is left out.

    1.0 = the display's peak, what white becomes.
    """
    linear, luminance = linearize(ldr)
    return relight(linear, luminance, luminance ** np.float32(gamma2009(luminance)))


def gamma2009(luminance: np.ndarray) -> float:
    """`masia2009`'s exponent for a picture of these linear luminances, (H, W) in [0, 1]."""
    return max(SLOPE_2009 * key(luminance) + OFFSET_2009, MINIMUM_GAMMA)


def masia2017(ldr: np.ndarray) -> np.ndarray:
    """Expand by a power (Masia, Serrano and Gutierrez 2017, Eq. 5).

        L' = peak L^gamma,  gamma = 2.4379 + 0.2319 ln L_H - 1.1228 k + 0.0085 p

    L_H is the geometric mean of luminance (white = 1), k the key (`mqn.hdr.expansion.statistics.key`), p the percentage
    of over-exposed pixels, those whose luminance is at least 254/255 of white. Left open: a very dark picture, for
    which the regression gives less than 1 or a negative gamma; here gamma is at least 1, so that nothing is compressed.

    1.0 = the display's peak, what white becomes.
    """
    linear, luminance = linearize(ldr)
    return relight(linear, luminance, luminance ** np.float32(gamma2017(luminance)))


def gamma2017(luminance: np.ndarray) -> float:
    """`masia2017`'s exponent for a picture of these linear luminances, (H, W) in [0, 1]."""
    over_exposed = 100 * float((luminance >= OVER_EXPOSED_FROM).mean())
    brightness = LOG_AVERAGE_2017 * math.log(log_average(luminance))
    gamma = CONSTANT_2017 + brightness + KEY_2017 * key(luminance) + OVER_EXPOSED_2017 * over_exposed
    return max(gamma, MINIMUM_GAMMA)
