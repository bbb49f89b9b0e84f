"""LDR inputs to calibrate a quantized network by: a few pictures that stand for many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from mqn.data.dataset import Dataset
from mqn.data.pairs.response import Response
from mqn.data.pairs.training import TrainingPairs
from mqn.errors import DataError

_PREVIEWS, _PREVIEW = 64, 32  # Pictures are chosen among this many, looked at in this size.
_ANOTHER_OF_A_SOURCE = 0.5


def calibration_inputs(
    dataset: Dataset,
    size: int,
    count: int,
    seed: int = 0,
    *,
    virtual_camera: float = 0.0,
    curves: tuple[Response, ...] = (),
) -> np.ndarray:
    """LDR inputs as trainings see them, for the ranges of a quantized network: dark and bright, of many sources.

    Where the training split has fewer than N = `count` pictures, they come again with other crops; the rest is as of
    `TrainingPairs`.

    Returns:
        (N, S, S, 3) float32 code values k / 255. A smaller N gives the first of them.

    Raises:
        DataError: `count` is below 1.
    """
    if count < 1:
        raise DataError(f"{count} calibration pictures were asked for; at least 1 is needed")
    pairs, previews = (
        TrainingPairs(dataset, side, seed, virtual_camera=virtual_camera, curves=curves) for side in (size, _PREVIEW)
    )
    epochs = -(-max(count, _PREVIEWS) // len(pairs))
    drawn = [(epoch, int(index)) for epoch in range(epochs) for index in pairs.order(epoch)][: max(count, _PREVIEWS)]
    looks = [previews.pair(epoch, index)[0] for epoch, index in drawn]
    # A picture that is the same all over tells nothing: only where there is no other.
    telling = [place for place, look in enumerate(looks) if look.min() < look.max()]
    places = telling if len(telling) >= count else range(len(drawn))
    brightness = [float(looks[place].mean()) for place in places]
    sources = [dataset.sources("train")[drawn[place][1]] for place in places]
    return np.stack([pairs.pair(*drawn[places[one]])[0] for one in representative(brightness, sources, count)])


def representative(brightness: Sequence[float], sources: Sequence[str], count: int) -> list[int]:
    """Choose pictures one by one, each as different as possible from those before.

    The distance of two pictures is that of their ranks in brightness, so that the chosen ones are as dark and as bright
    as all are. What shows a source that was chosen before counts half as far, half again the next time.

    Args:
        brightness: of each picture, for example its mean.
        sources: what each shows.
        count: at most as many as there are.

    Returns:
        Their places, in the order they were chosen: of fewer pictures it would have been the first ones.
    """
    ranks = np.empty(len(brightness))
    ranks[np.argsort(brightness, kind="stable")] = np.linspace(0, 1, len(brightness))
    chosen: list[int] = []
    used: Counter[str] = Counter()
    distance = 1 - np.abs(ranks - 0.5)  # The first is the one in the middle.
    for _ in range(count):
        worth = distance * _ANOTHER_OF_A_SOURCE ** np.array([used[source] for source in sources])
        worth[chosen] = -1
        best = int(worth.argmax())
        distance = np.abs(ranks - ranks[best]) if not chosen else np.minimum(distance, np.abs(ranks - ranks[best]))
        chosen.append(best)
        used[sources[best]] += 1
    return chosen
