"""Scores a bundle again as its study does, before anybody relies on it, and keeps what came of it beside the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from mqn.data.dataset import Dataset
from mqn.errors import ModelFileError, StudyError
from mqn.infer.exported import MANIFEST
from mqn.parsing import file_hash, write_json
from mqn.quantities import quantity
from mqn.records import TrialRecord
from mqn.report.bundle.bundle import Bundle
from mqn.report.timing.again import Again
from mqn.search.space.goals import Scoring
from mqn.search.stages.score import score_files

VERIFICATION = "verification.json"
"""The bundle's file that says what was found when it was verified."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The result of scoring a bundle again, and of measuring it again.

    Attributes:
        figures: means by metric, on this machine.
        recorded: the same when the study ran; without those that it did not record.
        pictures: how many pictures were scored.
        inputs: what the pictures' inputs are: `operators`, `virtual`, `camera`.
        measured: latencies that were measured again, a device each.
        unmeasured: why none was; empty where they were.
    """

    figures: dict[str, float]
    recorded: dict[str, float]
    pictures: int
    inputs: str
    measured: tuple[Again, ...] = ()
    unmeasured: str = ""

    @property
    def lines(self) -> list[str]:
        """What was measured and scored again, beside what is on record."""
        said = [found.line for found in self.measured]
        if self.unmeasured:
            said.append(f"not measured again ({self.unmeasured}): latency and memory are those on record")
        told = ", ".join(self._scored(name, value) for name, value in self.figures.items())
        return [*said, f"scored again on this machine, {self.pictures} pictures, {self.inputs} inputs: {told}"]

    def _scored(self, name: str, value: float) -> str:
        text, known = quantity(name).table_text, self.recorded.get(name)
        return f"{name} {text(value)} ({'not' if known is None else text(known)} on record)"


def check_data(dataset: Dataset, expected: str, study: str) -> None:
    """Make sure that a study's dataset has the hash that it had when the study began; old studies did not record it.

    Raises:
        StudyError: it has changed.
    """
    if expected and dataset.hash != expected:
        raise StudyError(
            f"the data of study {study!r} has changed: {dataset.place} has the hash {dataset.hash[:12]}, the study was "
            f"scored on {expected[:12]}; name the former data with --data, or run a new study on the present data"
        )


def verify(
    bundle: Bundle,
    record: TrialRecord,
    scoring: Scoring,
    dataset: Dataset,
    progress: Callable[[int, int | None], None] | None = None,
) -> Verification:
    """Score a bundle's files as its study does, and compare every figure with the trial's.

    Raises:
        ModelFileError: a figure differs from the trial's record by more than one in its last printed digit.
    """
    scores, _, _ = score_files(bundle.files, bundle.codec, bundle.input_size, dataset, scoring, progress=progress)
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
    known = {name: record.figures[name] for name in again if name in record.figures}
    return Verification(figures=again, recorded=known, pictures=scores.pictures, inputs=scoring.inputs)


def keep_verification(bundle: Bundle, found: Verification) -> None:
    """Put what was found into a bundle's folder, as one of its files."""
    path = bundle.folder / VERIFICATION
    write_json(path, found)
    files = {**bundle.manifest.files, VERIFICATION: file_hash(path)}
    write_json(bundle.folder / MANIFEST, replace(bundle.manifest, files=dict(sorted(files.items()))))
