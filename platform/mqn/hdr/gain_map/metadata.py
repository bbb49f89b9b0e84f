"""The figures that belong to a gain map: what its codes stand for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Triple = tuple[float, float, float]

MOST_STOPS = 24.0
"""Gains and headrooms beyond are damage: no display, camera or scene has them."""


def triple(values: Sequence[float]) -> Triple:
    """Three figures of one or three; one is that of all channels."""
    numbers = [float(value) for value in values]
    return (numbers[0], numbers[0], numbers[0]) if len(numbers) == 1 else (numbers[0], numbers[1], numbers[2])


class GainMapError(ValueError):
    """A gain map that cannot be used. The message is the end of a clause that begins with "its gain map"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GainMapMetadata:
    """Figures of a gain map, by the names of ISO 21496-1. Each triple is for R, G and B.

    The light of the alternate picture (HDR) is (base + base_offset) * 2^gain - alternate_offset, where the gain in
    stops is minimum + (maximum - minimum) * code^(1 / gamma), and code goes from 0 to 1. 1.0 of base and alternate is
    SDR white.

    Attributes:
        minimum: stops of code 0.
        maximum: stops of code 1.
        gamma: above 0.
        base_offset: added to the base's light, so that black has a gain.
        alternate_offset: taken off again.
        base_headroom: stops above SDR white from which a display applies some of the map.
        alternate_headroom: stops above SDR white from which a display applies it whole; more than `base_headroom`.
        in_base_colours: whether the gain is of the base's primaries; else of those in the map's own ICC profile.
    """

    minimum: Triple
    maximum: Triple
    gamma: Triple = (1.0, 1.0, 1.0)
    base_offset: Triple
    alternate_offset: Triple
    base_headroom: float = 0.0
    alternate_headroom: float
    in_base_colours: bool = True

    def __post_init__(self) -> None:
        """Check every figure.

        Raises:
            GainMapError: one is out of range, or the base is the HDR picture.
        """
        stops = (*self.minimum, *self.maximum, self.base_headroom, self.alternate_headroom)
        if not all(math.isfinite(value) and abs(value) <= MOST_STOPS for value in stops):
            raise GainMapError(f"states gains or headrooms beyond {MOST_STOPS:g} stops: damaged")
        if any(low > high for low, high in zip(self.minimum, self.maximum, strict=True)):
            raise GainMapError("states a least gain above its largest: damaged")
        if not all(0 < value <= 100 for value in self.gamma):
            raise GainMapError("states a gamma that is not between 0 and 100: damaged")
        if not all(abs(value) <= 1 for value in (*self.base_offset, *self.alternate_offset)):
            raise GainMapError("states an offset beyond 1.0: damaged")
        if self.base_headroom > self.alternate_headroom:
            raise GainMapError("makes SDR of an HDR base, which is not supported")

    @property
    def is_grey(self) -> bool:
        """Whether all three channels have the same figures."""
        triples = (self.minimum, self.maximum, self.gamma, self.base_offset, self.alternate_offset)
        return all(len(set(triple)) == 1 for triple in triples)
