"""Which pictures methods are judged on, and by which measures: what `mqn score` and `mqn compare` share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, cast

import typer

from mqn.errors import UsageError, nearest

if TYPE_CHECKING:
    from mqn.data.dataset import Dataset
    from mqn.scoring.judging.evaluation import Inputs as Kind
    from mqn.scoring.judging.evaluation import Part, PictureSet

Inputs = Annotated[
    str, typer.Option(help="LDR inputs: the paper's `operators`, the `virtual` camera, or the `camera` itself.")
]
SplitName = Annotated[str, typer.Option(help="Which pictures: `val`, `train`, or `all` of a test set.")]
Limit = Annotated[int | None, typer.Option(help="Only so many pictures, spread evenly over them. Default: all.", min=1)]


def require_known(inputs: str, split: str) -> None:
    """Check two words; raises `UsageError` that offers the nearest."""
    from mqn.scoring.judging.evaluation import INPUTS, PARTS

    for option, value, known in (("--inputs", inputs, INPUTS), ("--split", split, PARTS)):
        if value not in known:
            raise UsageError(f"{option} {value!r}; {nearest(value, known)}")


def picture_set(dataset: Dataset, inputs: str, split: str, limit: int | None, size: int) -> PictureSet:
    """The pictures that checked words name; `size` is the side of those that are not the camera's own."""
    from mqn.scoring.judging.evaluation import PictureSet

    return PictureSet(
        dataset=dataset.folder,
        hash=dataset.hash,
        split=cast("Part", split),
        inputs=cast("Kind", inputs),
        size=None if inputs == "camera" else size,
        limit=limit,
    )


def parse_metrics(metrics: str | None, default: Iterable[str], first: str | None = None) -> tuple[str, ...]:
    """The measures by name, each once.

    Args:
        metrics: of the user, with commas between; None: `default`.
        default: see `metrics`.
        first: comes before them, where it is given.

    Raises:
        UnknownNameError: there is no such measure; names the nearest.
        MissingLibraryError: a measure's library is not there.
    """
    from mqn.metrics import colorvideovdp
    from mqn.metrics.measures import split_name

    named = default if metrics is None else [name.strip() for name in metrics.split(",")]
    chosen = tuple(dict.fromkeys([*([first] if first else []), *named]))
    if "cvvdp" in {base for base, _ in map(split_name, chosen)}:
        colorvideovdp.require()
    return chosen
