"""A base picture's code values to linear light in its own primaries: a display applies a gain map there."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from mqn.hdr.decoding.linear_profiles import UnusableProfileError, linear_bt709
from mqn.hdr.decoding.profiles import from_profile
from mqn.hdr.gain_map.metadata import GainMapError
from mqn.hdr.transfer import srgb_decode

_CODES = np.arange(256, dtype=np.float32) / np.float32(255)

# By so much may a profile's white differ from the sum of its red, green and blue.
_ADDITIVE = 0.01


class Colours(NamedTuple):
    """What a base's code values stand for.

    Attributes:
        curves: (256, 3) float32, linear light of each code of each channel, 1.0 = white.
        to_bt709: (3, 3) float32, from linear light to linear BT.709, for row vectors.
    """

    curves: np.ndarray
    to_bt709: np.ndarray

    def linear(self, codes: np.ndarray) -> np.ndarray:
        """Linear light of codes, (H, W) or (H, W, 3) uint8: (H, W, 3) float32 in the picture's own primaries."""
        repeated = np.repeat(codes[..., None], 3, axis=2) if codes.ndim == 2 else codes
        looked_up: np.ndarray = cv2.LUT(repeated, self.curves[None])
        return looked_up


SRGB = Colours(np.repeat(srgb_decode(_CODES)[:, None], 3, axis=1).astype(np.float32), np.eye(3, dtype=np.float32))
"""What codes without a profile are, to every display."""


def read_colours(profile: bytes | None, *, grey: bool) -> Colours:
    """Read the curves and primaries of an ICC profile; a damaged one says nothing, as in viewers.

    Raises:
        GainMapError: it is a table of colours, which no curves and primaries stand for.
    """
    if profile is None:
        return SRGB
    if grey:
        moved = from_profile(np.repeat(_CODES[None, :], 2, axis=0), "grey", profile)
        return SRGB if moved is None else Colours(srgb_decode(moved[0]).astype(np.float32), SRGB.to_bt709)
    try:
        corners = linear_bt709(np.concatenate([np.eye(3), np.ones((1, 3))])[None].astype(np.float32), profile)[0]
        ramps = linear_bt709(_CODES[:, None, None] * np.eye(3, dtype=np.float32), profile)
    except UnusableProfileError:
        return SRGB
    to_bt709, white = corners[:3], corners[3]
    if np.abs(to_bt709.sum(axis=0) - white).max() > _ADDITIVE or np.linalg.cond(to_bt709) > 1e3:
        raise GainMapError("cannot be computed: the picture's colour profile is a table, without primaries")
    # What is left of rounding in the channels that have no light is dropped.
    curves = np.einsum("ncj,jc->nc", ramps, np.linalg.inv(to_bt709))
    return Colours(np.clip(curves, 0, 1).astype(np.float32), to_bt709.astype(np.float32))
