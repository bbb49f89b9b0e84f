"""The authors' own PSNR-TM and SSIM-TM, made repeatable, to stand beside their tables and nowhere else.

The paper tone-maps prediction and truth with an operator drawn at random. In the published code OpenCV's operators
fail on the batches that they are given, and are drawn again until the fourth one comes up: percentile exposure. So
that is what was measured, with these flaws, which are kept: each picture is normalised by its own extremes, so that
any exposure is forgiven; PSNR and SSIM draw separately; the same two pictures may score 8 dB by one draw and 58 by
another. Only the draw differs: theirs is unseeded, ours a function of the seed and of the truth, whatever is scored
before. Compare methods by any other figure.
"""

from __future__ import annotations

import zlib

import numpy as np

from mqn.metrics import fidelity

SEED = 0
GAMMA = (1.8, 2.2)
LOW_PERCENTILE = (0.0, 15.0)
HIGH_PERCENTILE = (85.0, 100.0)


def psnr(test: np.ndarray, reference: np.ndarray, seed: int = SEED) -> float:
    """PSNR after a percentile exposure drawn for this truth, peak 1.

    Args:
        test: (H, W, 3) linear, any unit and exposure.
        reference: the same shape, the truth, any unit.
        seed: of the draw, to which the truth's values add.

    Returns:
        dB; infinite where the exposed pictures are equal, for example where one is the other at half the exposure.

    Raises:
        ValueError: the shapes differ.
    """
    return fidelity.psnr(*_exposed(test, reference, (seed, 0)), peak=1.0)


def ssim(test: np.ndarray, reference: np.ndarray, seed: int = SEED) -> float:
    """SSIM after a percentile exposure drawn for this truth; see `fidelity.ssim`. At most 1.

    The exposure is drawn apart from that of `psnr`. Arguments and errors are those of `psnr`; both pictures need
    11 x 11 pixels or more.
    """
    return fidelity.ssim(*_exposed(test, reference, (seed, 1)), data_range=1.0)


def _exposed(test: np.ndarray, reference: np.ndarray, seeds: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    truth = np.asarray(reference, np.float32)
    generator = np.random.default_rng([*seeds, zlib.crc32(truth.tobytes())])
    gamma = generator.uniform(*GAMMA)
    percentiles = generator.uniform(*LOW_PERCENTILE), generator.uniform(*HIGH_PERCENTILE)
    return _expose(test, percentiles, gamma), _expose(reference, percentiles, gamma)


def _expose(image: np.ndarray, percentiles: tuple[float, float], gamma: float) -> np.ndarray:
    """Stretch what lies between two percentiles over [0, 1], clip the rest, and apply gamma."""
    scene = _stretched(np.asarray(image, np.float64))
    low, high = np.percentile(scene, percentiles)
    if high <= low:
        # A picture of few bright pixels: both percentiles fall among the dark ones.
        low, high = scene.min(), scene.max()
    return _stretched(_stretched(np.clip(scene, low, high)) ** (1 / gamma))


def _stretched(image: np.ndarray) -> np.ndarray:
    low, high = image.min(), image.max()
    stretched: np.ndarray = (image - low) / (high - low) if high > low else np.zeros_like(image)
    return stretched
