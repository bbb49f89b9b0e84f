"""What a decoder of LDR files returns: code values, and all that the file says about their colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from mqn.hdr.primaries import Primaries

Channels = Literal["grey", "rgb", "cmyk"]


class CodePoints(NamedTuple):
    """Colours by the numbers of ITU-T H.273, as a cICP chunk or an nclx box states them.

    Attributes:
        primaries: number of table 2.
        transfer: number of table 3.
        full_range: whether code values reach from the lowest to the highest; else from 16 to 235, of 8 bits.
    """

    primaries: int
    transfer: int
    full_range: bool = True


class Measured(NamedTuple):
    """Colours by measurements, as the chunks gAMA and cHRM or TIFF's tags state them.

    Attributes:
        gamma: the code value is the light to the power of this; None: sRGB's function.
        primaries: None: BT.709's.
    """

    gamma: float | None = None
    primaries: Primaries | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """What an LDR file holds.

    Attributes:
        codes: (H, W) or (H, W, channels) unsigned integers, as stored, not turned.
        bits: of a channel; the codes go from 0 to 2^bits - 1.
        channels: what they are; with `alpha` there is one more, the last.
        alpha: whether there is a channel of transparency.
        profile: the embedded ICC profile, if there is one.
        coding_points: colours by number, where a cICP chunk or an nclx box says so.
        says_srgb: whether it says that it is sRGB.
        measured: colours by gamma and primaries, where chunks or tags say so.
        is_adobe_rgb: whether EXIF says Adobe RGB (1998), as cameras do that embed no profile.
        orientation: EXIF's, 1 to 8.
        notes: what else is worth knowing.
    """

    codes: np.ndarray
    bits: int = 8
    channels: Channels
    alpha: bool = False
    profile: bytes | None = None
    coding_points: CodePoints | None = None
    says_srgb: bool = False
    measured: Measured | None = None
    is_adobe_rgb: bool = False
    orientation: int = 1
    notes: tuple[str, ...] = ()
