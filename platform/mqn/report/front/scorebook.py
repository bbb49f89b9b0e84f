"""What trials scored on every single picture, so that two of them are compared picture by picture."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from mqn.metrics.certainty import Sample
from mqn.quantities import measure_of, quantity
from mqn.records import TrialRecord
from mqn.search.artifacts import ArtifactStore
from mqn.search.artifacts.artifact import stage_of
from mqn.search.stages.score import SCORES

_STEPS = {"": "score", "_float": "score/float", "_baseline": "score/baseline"}
_DROP = "_drop"

Scored = Mapping[str, Any]


class Scorebook:
    """The per-picture values of trials. Each file is read once; what is damaged or not there any more has no values."""

    def __init__(self, store: ArtifactStore) -> None:
        """Begin with nothing read."""
        self._store = store
        self._read: dict[str, Scored | None] = {}

    def read(self, records: Iterable[TrialRecord]) -> None:
        """Read what trials were scored, side by side. Optional: `sample` reads what it lacks."""
        self._fetch([key for record in records for step, key in record.artifacts.items() if stage_of(step) == "score"])

    def sample(self, records: Sequence[TrialRecord], figure: str, *, by_seed: bool = False) -> Sample | None:
        """The values of one network by one accuracy figure.

        Args:
            records: trials of one network with one plan, one a seed. Several of one training are averaged.
            figure: such as `psnr_tm`, `psnr_tm_float` or `psnr_tm_drop`.
            by_seed: whether trainings are known by their seeds, so that another network's of the same seeds are paired
                with them: such trainings draw the same crops and inputs in the same order.

        Returns:
            None where it is no accuracy, or any trial's values are not there.
        """
        measure = measure_of(figure)
        rows: dict[str, list[np.ndarray]] = {}
        judged: set[tuple[str, tuple[str, ...]]] = set()
        for record in records:
            told = None if measure is None else self._values(record, measure, figure.removeprefix(measure))
            if told is None:
                return None
            values, pictures, sources = told
            seed, training = record.candidate.training.seed, record.artifacts.get("train", f"trial {record.number}")
            rows.setdefault(f"seed {seed}" if by_seed else training, []).append(values)
            judged.add((pictures, sources))
        if len(judged) != 1:
            return None
        ((pictures, sources),) = judged
        table = np.array([np.mean(own, axis=0) for own in rows.values()])
        return Sample(values=table, sources=sources, trainings=tuple(rows), pictures=pictures)

    def _values(self, record: TrialRecord, measure: str, suffix: str) -> tuple[np.ndarray, str, tuple[str, ...]] | None:
        """Values of every picture, the pictures' hash, and their sources."""
        if suffix == _DROP:
            whole, lost = self._values(record, measure, "_float"), self._values(record, measure, "")
            if whole is None or lost is None:
                return None
            sign = 1.0 if quantity(measure).direction == "maximize" else -1.0
            return sign * (whole[0] - lost[0]), *whole[1:]
        key = record.artifacts.get(_STEPS[suffix])
        scored = None if key is None else self._fetch([key])[0]
        if scored is None or measure not in scored["per_picture"] or "sources" not in scored["protocol"]:
            return None  # Simulated, or scored by an early version.
        values = np.array(scored["per_picture"][measure], dtype=np.float64)
        return values, str(scored["protocol"]["pictures_sha256"]), tuple(scored["protocol"]["sources"])

    def _fetch(self, keys: Sequence[str]) -> list[Scored | None]:
        new = [("score", key) for key in dict.fromkeys(keys) if key not in self._read]
        self._read |= {key: None for _, key in new}
        whole = self._store.find_whole(new).values() if new else ()
        found = [artifact for artifact in whole if SCORES in artifact.manifest.files]
        for artifact, path in zip(found, self._store.paths(found, SCORES), strict=True):
            self._read[artifact.manifest.key] = json.loads(path.read_text(encoding="utf-8"))
        return [self._read[key] for key in keys]
