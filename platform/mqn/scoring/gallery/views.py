"""What a gallery shows of each picture: the input, every method and the truth, before anything is drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mqn.hdr.tonemap import reinhard
from mqn.metrics import measures
from mqn.metrics.hdrvdp import visible_differences
from mqn.metrics.protocol import judge
from mqn.scoring.gallery.regions import Region, over_exposed, under_exposed
from mqn.scoring.judging.evaluation import PictureSet
from mqn.scoring.methods import Method
from mqn.scoring.predictors import Predictor

MEASURE = "hdrvdp_q"
INPUT, TRUTH = "input", "truth"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One way to see a picture.

    Attributes:
        name: a method's, `INPUT` or `TRUTH`.
        image: (H, W, 3) in [0, 1], to be shown as it is.
        quality: HDR-VDP-2.2's Q; None for input and truth.
        differences: (H, W), as `mqn.metrics.hdrvdp.visible_differences`; None likewise.
    """

    name: str
    image: np.ndarray
    quality: float | None = None
    differences: np.ndarray | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One picture.

    Attributes:
        name: the picture's, in its dataset.
        condition: what made its input.
        columns: input, methods, truth.
        over: where the input is over-exposed; None: nowhere.
        under: where it is under-exposed; None: nowhere.
    """

    name: str
    condition: str
    columns: tuple[Column, ...]
    over: Region | None
    under: Region | None


def look(
    pictures: PictureSet, shown: Sequence[int], methods: Mapping[str, Method], progress: Callable[[int, int], None]
) -> list[View]:
    """Run methods on some pictures.

    Methods and truth go through Reinhard's operator at the truth's exposure, one for all; the input is shown as it is.

    Args:
        pictures: the set.
        shown: indices of its pictures.
        methods: by the name that they are shown under.
        progress: told how many predictions are done, and how many there are.

    Raises:
        PictureError: a picture is too small for HDR-VDP.
        ModelFileError: a model is damaged, or predicts what is no picture.
    """
    picture_of = pictures.open()
    predictors = {name: Predictor(method) for name, method in methods.items()}
    views, done, total = [], 0, len(shown) * len(methods)
    for index in shown:
        picture = picture_of(index)
        columns = [Column(name=INPUT, image=picture.ldr)]
        for name, predictor in predictors.items():
            progress(done, total)
            light = predictor.predict(picture)
            quality = judge(light, picture, (MEASURE,))[MEASURE]
            test, reference = measures.nits(light), measures.nits(picture.truth)
            columns.append(
                Column(
                    name=name,
                    image=reinhard(np.maximum(light, 0), picture.truth),
                    quality=quality,
                    differences=visible_differences(test, reference, measures.PIXELS_PER_DEGREE),
                )
            )
            done += 1
        columns.append(Column(name=TRUTH, image=reinhard(picture.truth)))
        views.append(
            View(
                name=picture.name,
                condition=picture.operator,
                columns=tuple(columns),
                over=over_exposed(picture.ldr),
                under=under_exposed(picture.ldr),
            )
        )
    progress(total, total)
    return views
