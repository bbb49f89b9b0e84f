"""MLflow's pages: the address of a study's trials in its table, with the study's objectives as columns.

MLflow keeps a view that somebody shares as a tag of the experiment, and opens it by the tag's name in the address
(MLflow 3.17, `viewStateShareKey`). Filtered to trials, the table lists them one by one; unfiltered, it shows the
study's own run, with its trials folded away beneath.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from mqn.redaction import without_credentials
from mqn.track.connection import connect

if TYPE_CHECKING:
    from mlflow.entities import Experiment

_VIEW = "mqn"
_TRIALS = "tags.`mqn.role` = 'trial'"
VIEW_TAG = f"mlflow.sharedViewState.{_VIEW}"
# A tag of an experiment holds 5000 characters.
_MOST_VARIED = 20


def table_view(goals: Mapping[str, str], varied: Iterable[str]) -> str:
    """A view of a study's trials, as MLflow keeps one that somebody shares.

    Args:
        goals: metrics to `maximize` or `minimize`; the table is sorted by the first.
        varied: params.

    Returns:
        JSON.
    """
    columns = [f"metrics.`{name}`" for name in goals]
    first, direction = next(iter(goals.items()))
    return json.dumps(
        {
            "searchFilter": _TRIALS,
            "orderByKey": f"metrics.`{first}`",
            "orderByAsc": direction == "minimize",
            "startTime": "ALL",
            "lifecycleFilter": "Active",
            "datasetsFilter": [],
            "modelVersionFilter": "All Runs",
            "selectedColumns": [*columns, *[f"params.`{name}`" for name in varied][:_MOST_VARIED]],
        }
    )


def study_links(uri: str, address: str) -> dict[str, str]:
    """Where MLflow's pages show each study.

    Args:
        uri: of the tracking server.
        address: where its pages are served.

    Returns:
        The experiment's name to its page, the newest first; of experiments that studies log to.

    Raises:
        One of `failures()`: the server cannot be reached.
    """
    found: dict[str, str] = {}
    client, token = connect(uri), None
    while True:
        page = client.search_experiments(page_token=token)
        found |= {
            experiment.name: _link(experiment, address)
            for experiment in page
            if VIEW_TAG in experiment.tags or "mlflow.experimentKind" in experiment.tags
        }
        token = page.token
        if not token:
            return found


def _link(experiment: Experiment, address: str) -> str:
    base = f"{without_credentials(address).rstrip('/')}/#/experiments/{experiment.experiment_id}/runs"
    # Otherwise its pages are those for prompts and traces, whatever the experiment holds.
    asked = {"workflowType": "machine_learning"}
    if VIEW_TAG in experiment.tags:
        return f"{base}?{urlencode({'viewStateShareKey': _VIEW, **asked})}"
    # Logged by an earlier version: the trials, with MLflow's own columns.
    return f"{base}?{urlencode({'searchFilter': _TRIALS, **asked})}"
