"""A virtual camera: the 8-bit JPEG that a phone would have made of an HDR scene.

What is done to the light, in this order, each with parameters drawn at random:

1. Exposure. The picture's median luminance is brought to `MIDDLE_GREY` and changed by `EV_RANGE` stops.
2. White balance. Red and blue are off by a few percent, as an automatic balance is.
3. Noise: photons (variance in proportion to the light) and readout (constant), on the sensor's scale.
4. Clipping at the sensor's full scale.
5. The response curve: a curve of a family, or a measured one (`mqn.data.pairs.response`).
6. Saturation, in code values, about luma.
7. 8 bits and JPEG.

Ranges were set on the camera pictures of the training split of a set of exposure stacks: their medians (code values
0.08 to 0.73), their clipped pixels (0.1 % to 37 %) and the slope of log truth against log linearised input (0.62 to
0.95, mean 0.78) are about what pictures drawn here have too: of 96 of 24 photographs, the middle 90 % have medians
of 0.08 to 0.80, clipped pixels of 0 % to 43 % and slopes of 0.62 to 0.92.
"""

from __future__ import annotations

import cv2
import numpy as np

from mqn.data.pairs.response import Response, draw_parametric
from mqn.hdr.tonemap import luminance

OPERATOR = "virtual_camera"
"""The name that pictures made here carry beside those of `mqn.data.pairs.synthesis.OPERATORS`."""

MIDDLE_GREY = 0.1
EV_RANGE = (-3.0, 3.0)
WHITE_BALANCE_SIGMA = 0.03
PHOTON_VARIANCE = (1e-5, 2e-3)
READOUT_SIGMA = (1e-4, 4e-3)
SATURATION = (0.85, 1.25)
JPEG_QUALITY = (70, 98)

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_DARKEST = 1e-6


def photograph(
    hdr: np.ndarray, generator: np.random.Generator, curves: tuple[Response, ...] = ()
) -> tuple[np.ndarray, str]:
    """Photograph a scene: (H, W, 3) float32, display-referred code values k / 255, and `OPERATOR`.

    Args:
        hdr: (H, W, 3) float32, linear BT.709, finite, not negative, not black; its scale does not matter.
        generator: the only source of chance.
        curves: measured response curves, one of which is drawn; none: the parametric family.
    """
    # Whether a curve is drawn from the family or from a list, the same number of values leaves the generator before
    # the noise, so that two trainings with one seed differ in the curve alone.
    exposure = 2.0 ** generator.uniform(*EV_RANGE) * MIDDLE_GREY / _metered(hdr)
    balance = np.exp(generator.normal(0, WHITE_BALANCE_SIGMA, 2))
    photons = _log_uniform(generator, PHOTON_VARIANCE)
    readout = _log_uniform(generator, READOUT_SIGMA)
    saturation = generator.uniform(*SATURATION)
    quality = int(generator.integers(*JPEG_QUALITY, endpoint=True))
    family, choice = draw_parametric(generator), generator.random()
    response = curves[int(choice * len(curves))] if curves else family

    light = hdr * (exposure * np.array([balance[0], 1.0, balance[1]])).astype(np.float32)
    light = np.minimum(light, np.float32(4))  # Far above full scale noise decides nothing; the squares stay finite.
    sigma = np.sqrt(np.float32(photons) * light + np.float32(readout**2))
    light += sigma * generator.standard_normal(light.shape, np.float32)
    code = response(np.clip(light, 0, 1))
    luma = (code @ _LUMA)[..., None]
    code = luma + np.float32(saturation) * (code - luma)
    pixels = np.rint(np.clip(code, 0, 1) * 255).astype(np.uint8)
    return _jpeg(pixels, quality).astype(np.float32) / np.float32(255), OPERATOR


def _metered(hdr: np.ndarray) -> float:
    """The median luminance; where half of the picture is black, the mean."""
    values = luminance(hdr)
    middle = float(np.median(values))
    return middle if middle > _DARKEST * float(values.max()) else float(values.mean(dtype=np.float64))


def _log_uniform(generator: np.random.Generator, bounds: tuple[float, float]) -> float:
    return float(np.exp(generator.uniform(*np.log(bounds))))


def _jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    done, data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))[..., ::-1]
