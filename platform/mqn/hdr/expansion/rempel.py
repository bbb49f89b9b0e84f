"""The contrast stretch and brightness enhancement of Rempel et al. 2007 (LDR2HDR)."""

from __future__ import annotations

import cv2
import numpy as np

from mqn.hdr.expansion.light import linearize
from mqn.hdr.expansion.smoothing import smooth

CLIPPED_FROM = 254 / 255
BLACK_NITS = 0.3
WHITE_NITS = 1200.0
ENHANCEMENT = 4.0
GLOW = 150 / 1920
"""Standard deviation of the glow, of the picture's longer side."""
EDGE = 0.05
_SOBEL_SUM = 96.0


def expand(ldr: np.ndarray) -> np.ndarray:
    """Stretch the contrast, and brighten clipped regions and what belongs to them (Rempel et al. 2007, section 3).

        C' = e (0.3 + (1200 - 0.3) C) cd/m2,  e = 1 + (4 - 1) glow edge

    C is each linear channel. The clipped pixels are those where a channel reaches 254 of 255 (the HDR Toolbox takes
    250). Glow is their mask behind a Gaussian of 150 pixels at 1920 x 1080, a width that the paper ties to the display,
    and which goes with the size of the picture here (the HDR Toolbox takes 150 for the kernel's whole width). The edge
    stop is 1 on what can be reached from clipped pixels without crossing an edge, found by flood fill, and softened by
    one pixel. Left open: what an edge is. Here, as in the HDR Toolbox, a gradient of linear luminance from 0.05 on,
    by a 5 x 5 Sobel kernel whose weights' sizes add up to 1. Steps that fight noise and video compression are left out.

    1.0 = 4 x 1200 cd/m2, white that is enhanced to the full. Black is the display's black, 0.3 cd/m2 or 6e-5: the
    paper maps the one onto the other.
    """
    linear, luminance = linearize(ldr)
    clipped = np.asarray(ldr).max(-1) >= CLIPPED_FROM
    enhancement = 1 + (ENHANCEMENT - 1) * brightness(clipped, luminance)
    stretched = (BLACK_NITS + (WHITE_NITS - BLACK_NITS) * linear) * enhancement[..., None]
    return np.asarray(stretched / (ENHANCEMENT * WHITE_NITS), np.float32)


def brightness(clipped: np.ndarray, luminance: np.ndarray) -> np.ndarray:
    """Compute the brightness enhancement before it is scaled: glow times edge stop.

    `clipped` is (H, W) bool. `luminance` is (H, W), linear, with white at 1. The result is (H, W) in [0, 1].
    """
    glow = smooth(clipped.astype(np.float32), GLOW * max(clipped.shape))
    reached = _flood(clipped, _gradient(luminance) < EDGE)
    return np.clip(glow * smooth(reached.astype(np.float32), 1.0), 0.0, 1.0)


def _gradient(luminance: np.ndarray) -> np.ndarray:
    rise = [
        cv2.Sobel(luminance, cv2.CV_32F, dx, 1 - dx, ksize=5, scale=1 / _SOBEL_SUM, borderType=cv2.BORDER_REPLICATE)
        for dx in (0, 1)
    ]
    return np.hypot(*rise).reshape(luminance.shape)


def _flood(seeds: np.ndarray, passable: np.ndarray) -> np.ndarray:
    """The seeds, and all passable pixels that are connected with one."""
    _, labels = cv2.connectedComponents((seeds | passable).astype(np.uint8), connectivity=4)
    labels = labels.reshape(seeds.shape)
    seeded = np.zeros(labels.max() + 1, bool)
    seeded[labels[seeds]] = True
    # Label 0 is the background, which holds no seed.
    reached: np.ndarray = seeded[labels]
    return reached
