"""The experiments of studies: found or made, described, and with a view of their own."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mqn.errors import TrackingError
from mqn.parsing import content_hash
from mqn.track.connection import artifact_root, failures
from mqn.track.entries import RunEntry
from mqn.track.ui.pages import VIEW_TAG, table_view

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

# MLflow's pages open a study as model training, with charts and columns, not as a collection of prompts and traces.
EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}
NOTE = "mlflow.note.content"
_NOTE_HASH = "mqn.note"


def noted(present: Mapping[str, str], text: str) -> dict[str, str]:
    """The tags that describe a run or an experiment, unless a person has written something of their own there.

    Args:
        present: its tags.
        text: Markdown; empty: nothing is said.
    """
    before = present.get(NOTE, "")
    if not text or before == text or (before and content_hash(before) != present.get(_NOTE_HASH)):
        return {}
    return {NOTE: text, _NOTE_HASH: content_hash(text)}


class Experiments:
    """The experiments that a sender knows, by study. One of several threads makes what all need."""

    def __init__(self, client: MlflowClient, uri: str) -> None:
        """Know none yet."""
        self._client, self._uri = client, uri
        self._ids: dict[str, str] = {}
        self._making = threading.RLock()

    def of(self, study: str) -> str:
        """The id of a study's experiment, which is made if absent.

        Raises:
            TrackingError: somebody has deleted it.
            One of `failures()`: a call to MLflow failed.
        """
        with self._making:
            if study not in self._ids:
                found = self._client.get_experiment_by_name(study)
                if found is not None and found.lifecycle_stage == "deleted":
                    raise TrackingError(
                        f"experiment {study!r} is deleted in MLflow; restore it there, or choose another study name"
                    )
                self._ids[study] = self._make(study) if found is None else found.experiment_id
            return self._ids[study]

    def forget(self, study: str) -> bool:
        """Look an experiment up anew; returns whether it was known."""
        with self._making:
            return self._ids.pop(study, None) is not None

    def tell(self, entry: RunEntry) -> None:
        """Say what an experiment is about, and which columns its table of trials has."""
        number = self.of(entry.study)
        tags = noted(self._client.get_experiment(number).tags, entry.about) if entry.about else {}
        if entry.goals:
            tags[VIEW_TAG] = table_view(entry.goals, entry.varied)
        for key, value in tags.items():
            self._client.set_experiment_tag(number, key, value)

    def _make(self, study: str) -> str:
        try:
            made: str = self._client.create_experiment(study, artifact_root(self._uri, study), tags=EXPERIMENT_TAGS)
        except failures():
            found = self._client.get_experiment_by_name(study)
            if found is None:
                raise
            return str(found.experiment_id)  # Another driver has just made it.
        return made
