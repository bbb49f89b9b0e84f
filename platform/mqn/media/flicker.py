"""Temporal flicker: changes of the reconstruction's brightness that the video does not have, and damping.

A network that sees one frame at a time may give the same scene another level in every frame. What is followed here is
the *key* of a frame, the mean of log10 luminance, which the literature on flicker in tone-mapped video compares from
frame to frame (Guthier, Kopf, Eble, Effelsberg, "Flicker reduction in tone mapped high dynamic range video", 2011;
Boitard et al., "Temporal coherency for video tone mapping", 2012). The *gain* of a frame is the key of its
reconstruction less the key of its linearised input; a pan or a change of light moves both keys, flicker only the gain.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mqn.hdr.primaries import luminance

FLOOR = 1e-4
"""Of 1.0: what is darker counts as this dark, so that noise in black does not decide the key."""

CUT_CORRELATION = 0.5
THUMBNAIL = (16, 16)


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """The figures of a frame from which flicker is computed.

    Attributes:
        seconds: its time.
        gain: of the network, log10 units.
        smoothed: `gain`, or damped: what the next frame's damping starts from.
        written: gain of what was written; `smoothed`, less what clipping at the peak took.
        cut: whether a new shot begins here.
    """

    seconds: float
    gain: float
    smoothed: float
    written: float
    cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Flicker:
    """Flicker of a video: mean |change of gain| from one frame to the next of the same shot, log10 units.

    Attributes:
        before: of the network; 0.01 is 2.3 % of luminance a frame.
        after: of what was written.
        cuts: how many shots begin after the first.
        damping_seconds: 0 for none.
    """

    before: float
    after: float
    cuts: int
    damping_seconds: float


def key(light: np.ndarray) -> float:
    """Mean log10 luminance of (H, W, 3) linear BT.709."""
    return float(np.mean(np.log10(np.maximum(luminance(light), np.float32(FLOOR))), dtype=np.float64))


def thumbnail(ldr: np.ndarray) -> np.ndarray:
    """A small grey picture, at most `THUMBNAIL` in size, to tell shots apart by: means of blocks, float64."""
    grey = ldr.mean(axis=2, dtype=np.float64)
    for axis, wanted in enumerate(THUMBNAIL):
        edges = np.linspace(0, grey.shape[axis], min(wanted, grey.shape[axis]) + 1).astype(int)
        sums = np.add.reduceat(grey, edges[:-1], axis=axis)
        grey = sums / np.expand_dims(np.diff(edges), 1 - axis)
    return grey


def is_cut(before: np.ndarray, after: np.ndarray) -> bool:
    """Whether two thumbnails are of different shots: their correlation is below `CUT_CORRELATION`.

    Correlation does not see a change of exposure, which is no cut. A frame of one colour has none; it and a frame with
    content are of different shots.
    """
    first, second = before - before.mean(), after - after.mean()
    spread = math.sqrt(float(np.sum(first**2) * np.sum(second**2)))
    # A hundredth of a code value: what coding noise leaves of a frame of one colour.
    flat = [float(values.std()) < 0.01 / 255 for values in (before, after)]
    if any(flat):
        return not all(flat)
    return float(np.sum(first * second)) / spread < CUT_CORRELATION


def damp(gain: float, seconds: float, previous: Level | None, time_constant: float, *, cut: bool) -> float:
    """Smooth the gain, log10 units, exponentially; a cut starts anew.

    In `time_constant` seconds a step has come through by 63 %; 0 leaves the gain alone.
    """
    if previous is None or cut or time_constant <= 0:
        return gain
    share = -math.expm1(-(seconds - previous.seconds) / time_constant)
    return previous.smoothed + share * (gain - previous.smoothed)


def measure(levels: Sequence[Level], damping_seconds: float) -> Flicker:
    """Measure the flicker of a whole video by its frames, in order; 0 where no shot has two frames."""
    steps = [(before, after) for before, after in itertools.pairwise(levels) if not after.cut]
    count = max(1, len(steps))
    return Flicker(
        before=sum(abs(b.gain - a.gain) for a, b in steps) / count,
        after=sum(abs(b.written - a.written) for a, b in steps) / count,
        cuts=sum(level.cut for level in levels[1:]),
        damping_seconds=damping_seconds,
    )
