"""Codecs: how linear light is written into the range that a network's output can reach.

`light` and `gamma` are for networks whose output reaches all of [0, 1] and more: light as it is (ExpandNet), and light
to the power 0.45 (LHDR). Neither is cut off at 1. The other four are for MQN.

MQN ends in sigmoid(input + tanh(..)), with the input in [0, 1]. Its output therefore lies in
sigmoid(-1 .. 2) = 0.269 .. 0.881, whereas a linear HDR picture scaled to [0, 1] has most of its pixels near 0. A codec

1. curves linear light in [0, 1] (1 = `picture_scale` of the truth) to code values in [0, 1], and
2. maps those affinely onto `REACHABLE`, a little less than the network's range: there the tanh only needs to come to
   0.95, not to 1, which it never does. That costs 2.5 % of the range (0.597 of 0.612) and leaves the tanh a tenth of
   its slope at the ends.

A pixel reaches less than the whole: sigmoid(x - 1 .. x + 1) for its own input x. Where the input is clipped (x = 1) no
code below 0.371 comes out. That is 0.0045 of the scale under `mulaw`, and 0.371 under `linear`, the paper's own way;
where the input is black (x = 0) nothing above code 0.758 does. What that costs at least was measured on 43 real
photographs exposed at their 95 % point: the truth itself, forced into each pixel's reach, has a mean PSNR-TM of 15.7 dB
under `linear` (less than the linearised input alone, 17.7) and more than 97 dB under the other three, where about 2 %
(`mulaw`) and under 1 % (`log`, `pq`) of the values are out of reach.

| codec | code c of linear light x | smallest step that is told apart |
| --- | --- | --- |
| `linear` | x | the same everywhere |
| `mulaw` | log(1 + 5000 x) / log(5001) | even in log light from about 1/5000 up |
| `log` | 1 + log10(x) / 5 | even in log light over 5 decades; below 1e-5 all is 1e-5 |
| `pq` | PQ(1000 x) / PQ(1000) | about equally visible steps on a display of 1000 cd/m2 (ST 2084) |
| `light` | x | the same everywhere |
| `gamma` | x^0.45 | about equally visible steps on an ordinary display |

`log` is the default. CA trained on 194 photographs at 128 px for 10 epochs (rate 1e-3, L1 + L2 + cosine), scored on
43 others, PSNR-TM / SSIM-TM / PU21-PSNR: `log` 18.81 dB / 0.810 / 13.78 dB, `mulaw` 18.66 / 0.792 / 13.77, `pq`
18.52 / 0.807 / 13.46, `linear` 11.78 / 0.629 / 5.89; doing nothing 15.65 / 0.810 / 10.48. One seed: the first three are
within each other's intervals, `linear` is not.

`gain` is another matter: `mqn.hdr.gains` tells of it. The table's codecs do not look at the input, and `gain` does.

Numpy arrays and torch tensors alike; the kind and the dtype of what comes in go out again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import numpy as np

from mqn.errors import PictureError, UnknownNameError
from mqn.hdr.gains import MOST_LIGHT, brightened, encode_gain, gain_stops
from mqn.hdr.namespace import namespace
from mqn.hdr.reach import REACHABLE
from mqn.hdr.tonemap import MU, mulaw
from mqn.hdr.transfer import pq_decode, pq_encode

A = TypeVar("A")

SCALE_PERCENTILE = 99.9
LOG_DECADES = 5.0
PQ_SCALE_NITS = 1000.0
"""The luminance that the `pq` codec takes a picture's scale for."""

_PQ_SCALE_CODE = float(pq_encode(np.float64(PQ_SCALE_NITS)))


GAMMA = 0.45


def _same(x: Any) -> Any:
    return x


def _mulaw_decode(code: Any) -> Any:
    return namespace(code).expm1(code * math.log1p(MU)) / MU


def _log_encode(x: Any) -> Any:
    xp = namespace(x)
    return 1.0 + xp.log10(xp.clip(x, 10.0**-LOG_DECADES, None)) / LOG_DECADES


def _log_decode(code: Any) -> Any:
    return namespace(code).exp((code - 1.0) * (LOG_DECADES * math.log(10.0)))


def _pq_encode(x: Any) -> Any:
    return pq_encode(x * PQ_SCALE_NITS) / _PQ_SCALE_CODE


def _pq_decode(code: Any) -> Any:
    return pq_decode(code * _PQ_SCALE_CODE) / PQ_SCALE_NITS


@dataclass(frozen=True, slots=True)
class _Curve:
    """From light to code and back, the output that code 0 and 1 become, and the most light that comes out."""

    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]
    output_range: tuple[float, float] = REACHABLE
    most: float = 1.0


GAIN = "gain"

_CURVES = {
    "linear": _Curve(_same, _same),
    "mulaw": _Curve(mulaw, _mulaw_decode),
    "log": _Curve(_log_encode, _log_decode),
    "pq": _Curve(_pq_encode, _pq_decode),
    "light": _Curve(_same, _same, (0.0, 1.0), math.inf),
    "gamma": _Curve(lambda x: x**GAMMA, lambda code: code ** (1 / GAMMA), (0.0, 1.0), math.inf),
    GAIN: _Curve(_same, _same, most=MOST_LIGHT),
}

CODECS = tuple(_CURVES)
"""The codecs' names, the same as `mqn.records.Codec`."""


def output_range(codec: str) -> tuple[float, float]:
    """The network's output for no light and for light at the picture's scale.

    Raises:
        UnknownNameError: there is no such codec.
    """
    return _curve(codec).output_range


def most_light(codec: str) -> float:
    """The most light that `decode` gives: 1 but for `gain`, and infinity where outputs above the range count.

    Raises:
        UnknownNameError: there is no such codec.
    """
    return _curve(codec).most


def is_relative(codec: str) -> bool:
    """Whether 1.0 of its light is the input's white; else it is the truth's 99.9 % point."""
    return codec == GAIN


def encode(x: A, codec: str, ldr: A) -> A:
    """Write linear light into the network's range.

    Args:
        x: floats of any shape, linear light; 1.0 = the picture's scale. Clipped to [0, 1]. For `gain`, pictures
            (..., H, W, 3) or (..., 3, H, W) of any scale: each is brought to its input's.
        codec: one of `CODECS`.
        ldr: the network's input, of the same shape; only `gain` looks at it.

    Returns:
        The same shape, in `output_range`.

    Raises:
        UnknownNameError: there is no such codec.
    """
    curve = _curve(codec)
    xp = namespace(x)
    if codec == GAIN:
        return encode_gain(x, ldr)
    low, high = curve.output_range
    encoded: A = curve.encode(xp.clip(x, 0.0, 1.0)) * (high - low) + low
    return encoded


def decode(y: A, codec: str, ldr: A) -> A:
    """Read linear light out of the network's output.

    Args:
        y: floats of any shape, the network's output; what lies outside `output_range` is clipped, but for the upper
            end of `light` and `gamma`.
        codec: one of `CODECS`.
        ldr: the network's input, of the same shape; only `gain` looks at it. For `gain` both are arrays (..., H, W, 3).

    Returns:
        Linear light of the same shape, not negative and at most `most_light`. 1.0 = the picture's scale; for `gain`,
        the input's white (`in_scale`).

    Raises:
        UnknownNameError: there is no such codec.
    """
    values: Any = y
    if codec == GAIN:
        picture: Any = ldr
        brighter: Any = brightened(picture, gain_stops(values, picture))
        return cast("A", brighter)
    curve = _curve(codec)
    low, high = curve.output_range
    xp = namespace(y)
    light = curve.decode(xp.clip((values - low) / (high - low), 0.0, curve.most))
    decoded: A = xp.clip(light, 0.0, curve.most)
    return decoded


def in_scale(light: np.ndarray, codec: str) -> np.ndarray:
    """Light of a whole picture, (H, W, 3), in units of a picture's scale, as networks are judged.

    A relative codec's is divided by its own 99.9 % point; where that is black, and of the other codecs, it stays.
    """
    if not is_relative(codec) or not light.any():
        return light
    return light / light.dtype.type(picture_scale(light))


def picture_scale(image: np.ndarray, name: str = "the picture") -> float:
    """The light that counts as 1.0 in a picture: the 99.9 % point of all its channel values.

    A percentile and not the maximum, so that a handful of pixels on the sun's disc do not decide how dark the rest is.

    Args:
        image: (H, W, 3), linear, finite, not negative.
        name: what to call the picture in an error.

    Returns:
        The scale, above 0. Where fewer than 0.1 % of the values are above 0, their maximum.

    Raises:
        PictureError: the picture is empty, black, or not finite.
    """
    if not image.size:
        raise PictureError(f"{name}: has no pixels")
    scale = float(np.percentile(image, SCALE_PERCENTILE)) or float(image.max())
    if not math.isfinite(scale):
        raise PictureError(f"{name}: has values that are not finite, so it cannot be scaled")
    if scale <= 0:
        raise PictureError(f"{name}: is black throughout, so it cannot be scaled")
    return scale


def _curve(codec: str) -> _Curve:
    try:
        return _CURVES[codec]
    except KeyError:
        raise UnknownNameError("codec", codec, CODECS) from None
