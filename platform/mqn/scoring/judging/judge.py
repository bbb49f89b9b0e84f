"""The work of a worker process: judges one picture for several methods, or draws it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from mqn.errors import MqnError
from mqn.metrics.protocol import judge, picture_hash
from mqn.scoring.judging.evaluation import PictureSet
from mqn.scoring.judging.ledger import Line, read_ledgers
from mqn.scoring.methods import Method
from mqn.scoring.predictors import Predictor
from mqn.scoring.tiles import Tiles, draw_tiles

if TYPE_CHECKING:
    from mqn.data.pairs.evaluation import EvaluationPicture

# What bad content or a bad size of a picture or method can raise: our errors, libraries' checks, memory, disk. Any
# other exception is a bug and ends the worker with a traceback.
_FAILURES = (MqnError, ValueError, ArithmeticError, RuntimeError, MemoryError, OSError, EOFError, cv2.error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """What all workers need to know: pictures, methods, measures, and ledgers with earlier judgements."""

    pictures: PictureSet
    methods: tuple[Method, ...]
    metrics: tuple[str, ...]
    ledgers: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """One picture for some methods, by their indices, to be judged or drawn."""

    picture: int
    methods: tuple[int, ...]
    draw: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """Figures, and whether they are new."""

    line: Line
    fresh: bool


@dataclass(frozen=True, slots=True)
class Failed:
    """The reason of a failure, in one line."""

    reason: str


class Judge:
    """Handles tasks in a worker."""

    def __init__(self, assignment: Assignment) -> None:
        cv2.setNumThreads(1)
        self._assignment = assignment
        self._picture = assignment.pictures.open()
        self._predictors = [Predictor(method) for method in assignment.methods]
        self._known = read_ledgers(assignment.ledgers)

    def __call__(self, task: Task) -> Iterator[Judged | Tiles | Failed]:
        """Answer a task: for each of its methods figures or drawings, or why there are none."""
        try:
            picture = self._picture(task.picture)
            digest = picture_hash(picture)
        except _FAILURES as error:
            yield from [Failed(_one_line(error))] * len(task.methods)
            return
        for index in task.methods:
            try:
                predictor = self._predictors[index]
                yield self._draw(predictor, picture) if task.draw else self._judge(predictor, picture, digest)
            except _FAILURES as error:
                yield Failed(_one_line(error))

    def _judge(self, predictor: Predictor, picture: EvaluationPicture, digest: str) -> Judged:
        fingerprint = predictor.fingerprint(picture.name)
        known = self._known.get((fingerprint, digest))
        figures = dict(known.figures) if known else {}
        wanted = [name for name in self._assignment.metrics if name not in figures]
        if wanted:
            values = judge(predictor.predict(picture), picture, wanted)
            figures |= {name: None if value != value else value for name, value in values.items()}
        line = Line(
            fingerprint=fingerprint,
            picture_hash=digest,
            name=picture.name,
            source=picture.source,
            condition=picture.operator,
            height=picture.truth.shape[0],
            width=picture.truth.shape[1],
            figures={name: figures[name] for name in self._assignment.metrics},
        )
        return Judged(line, fresh=bool(wanted))

    def _draw(self, predictor: Predictor, picture: EvaluationPicture) -> Tiles:
        return draw_tiles(picture.ldr, predictor.predict(picture), picture.truth)


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, MqnError) else f"{type(error).__name__}: {text}"
