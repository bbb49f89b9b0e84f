"""Score an exported file, or the input left as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqn.parsing import to_plain, write_json
from mqn.records import Codec, Scores
from mqn.search.artifacts import Artifact
from mqn.search.space.goals import Scoring
from mqn.search.stages.data_view import DataView
from mqn.search.work.jobs import Job

if TYPE_CHECKING:
    import numpy as np

    from mqn.data.dataset import Dataset
    from mqn.data.pairs.evaluation import EvaluationPicture

STAGE, REVISION = "score", 2
SCORES, STRIP = "scores.json", "strip.png"
SHOWN = "shown"
"""The detail of a manifest that says how its strip shows linear light. Strips without it went through the mu-law."""


def score_job(
    model: Artifact | None, names: Sequence[str], view: DataView, scoring: Scoring, *, doing: str = STAGE
) -> Job:
    """Make the job that scores a model's files. If there is no model, doing nothing is scored.

    `names` are the files in the order they run. `doing` says for a person what is scored.
    """
    inputs: dict[str, Any] = {
        "files": [],
        "size": view.size,
        "data": view.hash,
        "scoring": to_plain(scoring),
        "revision": REVISION,
    }
    if model is not None:
        inputs |= {"files": [model.manifest.files[name] for name in names], "codec": view.codec}
    files = tuple(model.file(name) for name in names) if model is not None else ()
    return Job(
        stage=STAGE,
        inputs=inputs,
        function=score,
        arguments={"files": files, "view": view, "scoring": scoring},
        packages=("ai-edge-litert", "numpy", "scikit-image", "torch"),
        doing=doing,
    )


def score(folder: Path, *, files: Sequence[Path], view: DataView, scoring: Scoring) -> dict[str, Any]:
    """Score, and write figures and a strip of pictures.

    Args:
        folder: where to write.
        files: one file, backbone and head, or none.
        view: the pictures that judge.
        scoring: by which measures and on which inputs.

    Returns:
        `pictures`; `scores`: the mean by metric; `shown`: how the strip shows linear light, in words.
    """
    from mqn.hdr.beside import WORDS
    from mqn.scoring.strip import write_strip

    scores, predict, pictures = score_files(files, view.codec, view.size, view.open(), scoring)
    write_json(folder / SCORES, scores)
    write_strip(folder / STRIP, predict, pictures)
    means = {name: interval.mean for name, interval in scores.scores.items()}
    return {"pictures": scores.pictures, "scores": means, SHOWN: WORDS}


def score_files(
    files: Sequence[Path],
    codec: Codec,
    size: int,
    dataset: Dataset,
    scoring: Scoring,
    *,
    progress: Callable[[int, int | None], None] | None = None,
) -> tuple[Scores, Callable[[np.ndarray], np.ndarray], Sequence[EvaluationPicture]]:
    """Score files on the validation pictures of a dataset.

    Args:
        files: one file, backbone and head, or none: the input left as it is.
        codec: how the output stands for linear light.
        size: side of the pictures in pixels; the camera's own pictures keep theirs.
        dataset: holds the pictures.
        scoring: by which measures and on which inputs.
        progress: told after each picture how many are done, and how many there are.

    Returns:
        The scores, what predicted, and the pictures that it was judged on.
    """
    from mqn.data.pairs.evaluation import judged_pictures
    from mqn.infer.picture import Expander
    from mqn.metrics.protocol import do_nothing
    from mqn.metrics.protocol import score as run

    predict = Expander(files, codec).expand if files else do_nothing
    pictures = judged_pictures(dataset, size, "val", scoring.inputs)
    return run(predict, pictures, metrics=scoring.metrics, progress=progress), predict, pictures


def score_figures(artifact: Artifact, suffix: str = "") -> Mapping[str, float]:
    """Every metric's mean, by its name with a suffix."""
    return {f"{name}{suffix}": value for name, value in artifact.manifest.details.get("scores", {}).items()}


def tracked_files(artifact: Artifact) -> Mapping[str, Path]:
    """The scores and the strip, by the path within a tracked run."""
    return {name: artifact.path(name) for name in (SCORES, STRIP)}
