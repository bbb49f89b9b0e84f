"""Procedural HDR scenes: the dataset that the platform carries with it, so that a first search needs no download.

Six kinds of place, each composed anew by its seed and lit by a small ray caster (`mqn.hdr.scenery`). They have what
inverse tone mapping is about: suns, lamps and windows far above white, textures in the highlights, deep shadow, several
decades in between. They are no photographs: figures scored on them say that the machinery works, not how good a network
is.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from mqn.hdr.scenery.interiors import room, table
from mqn.hdr.scenery.outdoors import meadow, night, street, sunset
from mqn.hdr.scenery.raycast import Floats, Place, cast

_COMPOSERS: dict[str, Callable[[np.random.Generator], Place]] = {
    "street": street,
    "room": room,
    "night": night,
    "sunset": sunset,
    "table": table,
    "meadow": meadow,
}
KINDS = tuple(_COMPOSERS)
"""The kinds of place, in the order in which seeds go through them."""


def scene(size: int, seed: int) -> Floats:
    """Draw one scene: (size, size, 3) float32, linear BT.709, relative, finite, above 0.

    `seed` says which scene; seeds in a row go through all `KINDS`.

    Raises:
        ValueError: a size below 1 or a seed below 0.
    """
    if size < 1 or seed < 0:
        raise ValueError(f"size {size} must be at least 1 and seed {seed} at least 0")
    generator = np.random.default_rng(seed)
    place = _COMPOSERS[kind(seed)](generator)
    exposure = np.float32(10 ** generator.uniform(-1, 1))
    return np.ascontiguousarray(_through_lens(cast(place, size)) * exposure, np.float32)


def kind(seed: int) -> str:
    """The kind of place that a seed draws, one of `KINDS`."""
    return KINDS[seed % len(KINDS)]


def _through_lens(radiance: Floats) -> Floats:
    """Soften edges by half a pixel and add a lens's veil of glare, which also keeps the deepest shadow above 0."""
    side = radiance.shape[0]
    sharp = cv2.GaussianBlur(radiance, (3, 3), 0.5)
    small = cv2.resize(sharp, (max(side // 8, 1),) * 2, interpolation=cv2.INTER_AREA)
    veil = cv2.resize(cv2.GaussianBlur(small, (0, 0), max(small.shape[0] / 24, 0.5)), (side, side))
    return np.asarray(sharp * np.float32(0.997) + veil * np.float32(0.003) + np.float32(1e-5))
