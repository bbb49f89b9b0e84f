"""Short names for models that are compared: the parts of their paths that differ."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def tell_apart(models: Sequence[Sequence[Path]]) -> tuple[str, ...]:
    """Names of models: as much of their paths as is needed to tell them apart.

    `a/model.tflite` and `b/model.tflite` are just those; files of one folder are `one.tflite` and `two.tflite`. The
    same name stands there twice where it is the same model.
    """
    parts = [[path.absolute().parts for path in files] for files in models]
    different = len({tuple(found) for found in parts})
    longest = max((len(path) for files in parts for path in files), default=1)
    for length in range(1, longest + 1):
        names = tuple(" + ".join("/".join(path[-length:]) for path in files) for files in parts)
        if len(set(names)) == different:
            break
    return names
