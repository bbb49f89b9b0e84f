"""Predicts how long waiting measurements take, from a device's own profiles. This orders work; none is reported."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mqn.errors import ModelFileError
from mqn.records import MeasureSettings
from mqn.search.artifacts import ArtifactStore, resolve
from mqn.search.work.jobs import Job

if TYPE_CHECKING:
    from mqn.device.predictor.predictor import Predictor


class Predictions:
    """Predicts measurements with one predictor a target, fitted when the first measurement on it is asked for."""

    def __init__(self, device_id: Callable[[str], str | None], settings: MeasureSettings, store: ArtifactStore) -> None:
        """Begin without any prediction.

        Args:
            device_id: for each target, the id of a device of it; None where none was reached.
            settings: how is measured.
            store: has the files that are measured.
        """
        self._device_id, self._settings, self._store = device_id, settings, store
        self._predictors: dict[str, Predictor | None] = {}

    def __call__(self, job: Job) -> float | None:
        """The latency of a job's files, in ms; None where too little was profiled."""
        assert job.target is not None
        if job.target not in self._predictors:
            self._predictors[job.target] = self._load(job.target)
        predictor = self._predictors[job.target]
        try:
            return None if predictor is None else predictor.predict(resolve(job.arguments, self._store)["files"])
        except ModelFileError:  # It is the measurement's part to say what is wrong with a file.
            return None

    def _load(self, target: str) -> Predictor | None:
        from mqn.device.predictor.predictor import load_predictor
        from mqn.device.predictor.profiles import profiles_folder

        device_id = self._device_id(target)
        return None if device_id is None else load_predictor(profiles_folder(), device_id, self._settings)
