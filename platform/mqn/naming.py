"""What models are called beside each other: by what tells their paths apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def tell_apart(models: Sequence[Sequence[Path]]) -> tuple[str, ...]:
    """Names of models, with no more of their paths than tells them apart.

    Args:
        models: each with its files, or its folder.

    Returns:
        For `a/model.tflite` and `b/model.tflite` just those; for files of one folder `one.tflite` and
        `two.tflite`. The same name twice where it is the same model.
    """
    parts = [[path.absolute().parts for path in files] for files in models]
    different = len({tuple(found) for found in parts})
    longest = max((len(path) for files in parts for path in files), default=1)
    for length in range(1, longest + 1):
        names = tuple(" + ".join("/".join(path[-length:]) for path in files) for files in parts)
        if len(set(names)) == different:
            break
    return names
