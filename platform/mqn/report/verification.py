"""A bundle is scored once more, as its study scores, before anybody relies on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mqn.data.dataset import Dataset
from mqn.errors import ModelFileError, StudyError
from mqn.quantities import quantity
from mqn.records import TrialRecord
from mqn.report.bundle import Bundle
from mqn.search.goals import Scoring


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What scoring a bundle again came to.

    Attributes:
        figures: mean by metric, on this machine.
        pictures: how many pictures they are means of.
        inputs: what the pictures' inputs are: `operators`, `virtual`, `camera`.
    """

    figures: dict[str, float]
    pictures: int
    inputs: str


def check_data(dataset: Dataset, expected: str, study: str) -> None:
    """Make sure that a dataset is still the one that a study was scored on.

    Args:
        dataset: as it is now.
        expected: its hash when the study began; empty in studies that did not remember it.
        study: the study's name.

    Raises:
        StudyError: it is another one.
    """
    if expected and dataset.hash != expected:
        raise StudyError(
            f"the data of study {study!r} has changed: {dataset.place} has the hash {dataset.hash[:12]}, the study was "
            f"scored on {expected[:12]}; name the former data with --data, or run the study anew on what is there"
        )


def verify(
    bundle: Bundle,
    record: TrialRecord,
    scoring: Scoring,
    dataset: Dataset,
    progress: Callable[[int, int | None], None] | None = None,
) -> Verification:
    """Score a bundle's files as its study does, and compare every figure with the trial's.

    Args:
        bundle: the files.
        record: the trial they come from.
        scoring: the study's measures and inputs.
        dataset: the study's.
        progress: told after each picture how many are done, and how many there are.

    Raises:
        ModelFileError: a figure is another one than the trial recorded, by more than one in its last printed digit.
    """
    from mqn.data.pairs import judged_pictures
    from mqn.export.picture import Expander
    from mqn.metrics.protocol import score

    pictures = judged_pictures(dataset, bundle.input_size, "val", scoring.inputs)
    predict = Expander(bundle.files, bundle.codec).expand
    scores = score(predict, pictures, metrics=scoring.metrics, progress=progress)
    again = {name: interval.mean for name, interval in scores.scores.items()}
    for name, value in again.items():
        recorded, digits = record.figures.get(name), quantity(name).paper_digits
        # The same file scores the same wherever it runs, up to the last bits of another processor's arithmetic.
        if recorded is not None and not abs(value - recorded) <= 10.0**-digits:
            raise ModelFileError(
                f"trial {record.number} scores {name} {value:.{digits + 1}f} on this machine and recorded "
                f"{recorded:.{digits + 1}f}, on the same pictures: runtime or processor differ; nothing was written. "
                "Run the study anew on this machine, or select where it ran"
            )
    return Verification(figures=again, pictures=scores.pictures, inputs=scoring.inputs)
