"""The codec `gain`: MQN's output as a gain on its own input.

MQN's tanh, which is the logit of the output less the input, stands for the gain on the linearised input: `GAIN_STOPS`
stops where it is as far as it is asked to go, none at 0, for every pixel alike. A value that the input shows has no
gain at all (`recoverable`): the photographer's picture stays what it is there, and a network can add something only
where the input is clipped or nearly so. A clipped value has a gain of `LEAST_STOPS` at least, for all that it says is
that the light was no less than white. The light is in units of the input's white, not of the truth's 99.9 % point
(`mqn.hdr.codec.in_scale` makes these of it): like an Ultra HDR picture, and unlike that of the other codecs.

The network is taught gains on more values (`_TAUGHT`) than it may touch (`RAMP`), so that it learns from more pixels.
The model in the box on 35 camera pictures, Q and response-corrected PU21-PSNR less those of doing nothing: gains on all
that was taught +2.3 and +0.04 dB; as here +2.9 and +0.6 dB.

Two other ways were trained first, for 15 and 11 epochs, and judged by HDR-VDP's Q (gain-aligned) less that of doing
nothing, on pictures that phones take. A gain read out of the output itself, as the other codecs do, has the input's
detail in it, which the network has to take out again: -10.0. With the logit, but a gain for every value, a network
repaints what was right, by camera curves and noise that are not this camera's: -5.5.

Encoding is for numpy arrays and torch tensors alike, decoding for arrays with channels last.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from mqn.hdr.namespace import namespace
from mqn.hdr.reach import REACHABLE, TANH_LIMIT
from mqn.hdr.transfer import srgb_decode

A = TypeVar("A")

GAIN_STOPS = 4.0
"""The most that `gain` makes of the linearised input, and the inverse of the least, in stops."""

GAIN_OFFSET = 2.0**-6
"""Added to both sides of a gain, in units of the input's white: black has a gain then. What Ultra HDR's writers add."""

# Code values of an input. Between these two its light says how bright the truth is: neither noise nor nearly clipped,
# and near to white, for a camera's curve changes the ratio.
_SHOWN = (0.4, 0.95)

RAMP = (0.94, 1.0)
"""Code values: one below the first is taken as it is, one at the second is clipped."""

LEAST_STOPS = 0.5
"""The least gain of a value that is clipped, in stops."""

_TAUGHT = (0.6, 0.95)
_EACH = (-3, -2, -1)  # of a picture, with its channels first or last

MOST_LIGHT = 2**GAIN_STOPS * (1 + GAIN_OFFSET) - GAIN_OFFSET
"""What white becomes with all the gain there is."""


def encode_gain(x: A, ldr: A) -> A:
    """The output that stands for the gain from an input to its truth.

    Args:
        x: pictures (..., H, W, 3) or (..., 3, H, W), linear light of any scale: each is given its input's brightness.
        ldr: the inputs, of the same shape.

    Returns:
        The same shape, within `REACHABLE`.
    """
    xp = namespace(x)
    stops: Any = xp.clip(xp.log2(_gain(x, ldr)), -GAIN_STOPS, GAIN_STOPS) * _share(ldr, _TAUGHT)
    values: Any = ldr
    output: A = 1 / (1 + xp.exp(-values - stops * (TANH_LIMIT / GAIN_STOPS)))
    return output


def gain_stops(y: A, ldr: A) -> A:
    """Read the gain out of the output of a network with the codec `gain`.

    Args:
        y: floats of any shape, the network's output.
        ldr: its input, of the same shape.

    Returns:
        Stops of the same shape, within `GAIN_STOPS` of 0.
    """
    xp = namespace(y)
    low, high = REACHABLE
    output: Any = xp.clip(y, low, high)
    tanh = xp.log(output / (1 - output)) - ldr
    stops: A = xp.clip(tanh * (GAIN_STOPS / TANH_LIMIT), -GAIN_STOPS, GAIN_STOPS)
    return stops


def recoverable(ldr: A) -> A:
    """How much of a gain each value of an input may have: 0 where it shows what it is, 1 where it is clipped."""
    return _share(ldr, RAMP)


def brightened(ldr: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """Light of an input with gains where it may have them.

    Where all three channels are clipped, nothing tells their colour: they get one gain, and stay white.

    Args:
        ldr: (..., H, W, 3) floats in [0, 1].
        stops: the same shape.

    Returns:
        The same shape, linear, not negative, 1.0 = the input's white.
    """
    share = recoverable(ldr)
    white = share.min(axis=-1, keepdims=True)
    stops = stops + white * (stops.mean(axis=-1, keepdims=True) - stops)
    factors = np.exp2(np.clip(stops, LEAST_STOPS * share, GAIN_STOPS * share))
    light = (srgb_decode(np.clip(ldr, 0.0, 1.0)) + GAIN_OFFSET) * factors - GAIN_OFFSET
    return np.clip(light, 0.0, MOST_LIGHT)


def _share(ldr: A, ramp: tuple[float, float]) -> A:
    """A smooth step from 0 at the ramp's first code value to 1 at its second."""
    low, high = ramp
    values: Any = ldr
    share = namespace(ldr).clip((values - low) / (high - low), 0.0, 1.0)
    smooth: A = share * share * (3 - 2 * share)
    return smooth


def _gain(x: Any, ldr: Any) -> Any:
    """The gain from the linearised input to the truth, which is given the brightness that the input shows."""
    linear = srgb_decode(namespace(ldr).clip(ldr, 0.0, 1.0))
    shown = ((ldr > _SHOWN[0]) & (ldr < _SHOWN[1])) * (x > 0)
    # Where nothing is shown so, the whole picture says it.
    shown = shown | ~shown.any(-1, keepdims=True).any(-2, keepdims=True).any(-3, keepdims=True)
    wanted, found = ((values * shown).sum(_EACH, keepdims=True) for values in (linear, x))
    level = wanted / namespace(found).clip(found, 1e-12, None)
    return (x * level + GAIN_OFFSET) / (linear + GAIN_OFFSET)
