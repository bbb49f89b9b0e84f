"""Which trials of a study have a complete run, whoever logged it."""

from __future__ import annotations

from mqn.errors import TrackingError
from mqn.net.database_urls import sqlite_file
from mqn.text.redaction import redact_url
from mqn.track.connection import away_line, connect, failures, load_mlflow
from mqn.track.sending.sender import ROLE, TRIAL, UNSTORED

_PAGE = 1000


def find_logged(uri: str, study: str) -> frozenset[int]:
    """The numbers of the trials whose run is complete. A run that a person deleted counts: it is not made again.

    Raises:
        TrackingError: the server cannot be asked.
    """
    file = sqlite_file(uri)
    if file is not None and not file.exists():
        return frozenset()
    load_mlflow()
    try:
        from mlflow.entities import ViewType
        from mlflow.utils import get_results_from_paginated_fn

        client = connect(uri)
        experiment = client.get_experiment_by_name(study)
        if experiment is None:
            return frozenset()
        wanted = f"tags.`{ROLE}` = 'trial' and attributes.status != 'RUNNING'"
        ids = [experiment.experiment_id]
        runs = get_results_from_paginated_fn(
            lambda count, token: client.search_runs(ids, wanted, ViewType.ALL, count, page_token=token), _PAGE
        )
    except failures() as error:
        raise TrackingError(
            f"{redact_url(uri)} cannot be asked for the runs of {study!r}: {away_line(uri, error)}"
        ) from error
    return frozenset(int(run.data.tags[TRIAL]) for run in runs if UNSTORED not in run.data.tags)
