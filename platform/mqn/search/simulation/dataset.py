"""The data of a simulated study: no pictures, and a hash that no real data have.

The hash is part of every key: no real study ever takes a simulated artifact for its own, nor the other way round.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mqn.parsing import content_hash
from mqn.profile_tables.simulate import SimulateProfile

if TYPE_CHECKING:
    from mqn.data.dataset import Dataset

_REVISION = 1
"""Raise it where the same candidate would get other figures."""


def no_pictures(simulate: SimulateProfile) -> Dataset:
    """A dataset without pictures; figures depend on the profile's seed, and so does its hash."""
    import numpy as np

    from mqn.data.dataset import Dataset
    from mqn.data.storage.catalogue import FORMAT, Catalogue

    catalogue = Catalogue(
        format=FORMAT,
        made_from="a simulation",
        side=0,
        hash=content_hash({"simulated": _REVISION, "seed": simulate.seed}),
        pictures=(),
        inputs=(),
    )
    return Dataset("simulated", Path("simulated"), catalogue, np.zeros(0, np.float16), np.zeros(0, np.uint8))
