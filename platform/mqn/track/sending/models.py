"""A trial's model as one of MLflow's logged models, and the dataset that its run reads.

In a database of ours the model lies where the run's other files do, and its row is written with the run's. A server
says itself where a model lies: the files go there, and nowhere else. MLflow shows them in the run's folder `model`.
"""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from mqn.track.entries import RunEntry, TrackedData
from mqn.track.flavor import MODEL, MODEL_TYPE, is_model
from mqn.track.sending.direct import DirectStore
from mqn.track.sending.files import Unstored, store_files

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel, Run
    from mlflow.tracking import MlflowClient

_INSIDE = f"{MODEL}/"
# MLflow's column is no wider.
_DIGEST_LETTERS = 36
_CONTEXT = ("mlflow.data.context", "training")


class Models:
    """Tells MLflow of models and datasets of runs; every call may be made again."""

    def __init__(self, client: MlflowClient, uri: str, direct: DirectStore | None) -> None:
        """Use a client. `direct` is the database behind it, where no server is between."""
        self._client, self._uri, self._direct = client, uri, direct

    def attach(self, run: Run, entry: RunEntry, *, new: bool = False) -> None:
        """Tell which dataset a run reads, and in a database of ours of its model, whose files are still to come.

        `new`: nothing of this was told of the run before.
        """
        if entry.data is not None:
            self._read(run, entry.data, new=new)
        if self._direct is not None and is_model(entry.artifacts):
            points = [point for point in entry.points if point.name in entry.goals]
            self._direct.add_model(run, _name(entry), entry.params, points)

    def _read(self, run: Run, data: TrackedData, *, new: bool) -> None:
        digest = data.digest[:_DIGEST_LETTERS]
        if new and self._direct is not None and self._direct.add_input(run, data.name, digest, _CONTEXT):
            return
        from mlflow.entities import Dataset, DatasetInput, InputTag

        told = Dataset(data.name, digest, "local", json.dumps({"uri": data.source}))
        self._client.log_inputs(run.info.run_id, [DatasetInput(told, [InputTag(*_CONTEXT)])])

    def store(self, run: Run, entry: RunEntry) -> tuple[list[str], Unstored | None]:
        """Store the files of a run, and of its model; as `store_files`."""
        place, inside = run.info.artifact_uri, _model_part(entry.artifacts)
        model = self._served(run, entry) if inside and self._direct is None else None
        if model is None:
            missing, unstored = store_files(place, self._uri, entry.artifacts)
            if inside and self._direct is not None and not (unstored and _model_part(unstored.artifacts)):
                whole = not any(name.startswith(_INSIDE) for name in missing)
                self._direct.finish_model(run.info.run_id, f"{place}/{MODEL}", whole=whole)
            return missing, unstored
        rest = {name: path for name, path in entry.artifacts.items() if name not in inside}
        own = {name.removeprefix(_INSIDE): path for name, path in inside.items()}
        gone, left = store_files(model.artifact_location, self._uri, own)
        missing, unstored = store_files(place, self._uri, rest)
        if left is None:
            self._client.finalize_logged_model(model.model_id, "FAILED" if gone else "READY")
        else:
            kept = {_INSIDE + name: path for name, path in left.artifacts.items()}
            others = {} if unstored is None else unstored.artifacts
            unstored = dataclasses.replace(left, artifacts={**kept, **others})
        return [*(_INSIDE + name for name in gone), *missing], unstored

    def drop(self, run: Run) -> None:
        """Delete the models of a run that goes."""
        for output in run.outputs.model_outputs if run.outputs else ():
            self._client.delete_logged_model(output.model_id)

    def _served(self, run: Run, entry: RunEntry) -> LoggedModel | None:
        """The model of a run on a server, which is made if absent; None where its files are no model."""
        for output in run.outputs.model_outputs if run.outputs else ():
            return self._client.get_logged_model(output.model_id)
        if not is_model(entry.artifacts):
            return None
        from mlflow.entities import LoggedModelOutput

        # Under this name MLflow shows its files in the run's folder.
        made = self._client.create_logged_model(
            run.info.experiment_id, MODEL, run.info.run_id, None, entry.params, MODEL_TYPE
        )
        self._client.log_outputs(run.info.run_id, [LoggedModelOutput(made.model_id, step=0)])
        return made


def _model_part(artifacts: dict[str, str]) -> dict[str, str]:
    return {name: path for name, path in artifacts.items() if name.startswith(_INSIDE)}


def _name(entry: RunEntry) -> str:
    """What MLflow's list of models calls it: no dots, colons and slashes are allowed there."""
    return f"trial-{entry.trial:04d}"
