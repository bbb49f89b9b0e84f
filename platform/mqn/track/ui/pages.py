"""Addresses of MLflow's pages: a study's trials as a table with the study's objectives as columns.

MLflow keeps a shared view as a tag of the experiment. An address with the tag's name opens it (MLflow 3.17,
`viewStateShareKey`). The view is filtered to trials; unfiltered, the table folds them away below the study's run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from mqn.text.redaction import without_credentials
from mqn.track.connection import connect

if TYPE_CHECKING:
    from mlflow.entities import Experiment

_VIEW = "mqn"
_PAGE = 1000
_TRIALS = "tags.`mqn.role` = 'trial'"
VIEW_TAG = f"mlflow.sharedViewState.{_VIEW}"
# Without it MLflow shows its pages for prompts and traces.
ASKED = {"workflowType": "machine_learning"}
# A tag of an experiment holds 5000 characters.
_MOST_VARIED = 20


def table_view(goals: Mapping[str, str], varied: Iterable[str]) -> str:
    """A view of a study's trials as JSON in the format of MLflow's shared views, sorted by the first goal."""
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

    Returns:
        The experiment's name to its page, the newest first; of experiments that studies log to.

    Raises:
        One of `failures()`: the server cannot be reached.
    """
    from mlflow.utils import get_results_from_paginated_fn

    client = connect(uri)
    every = get_results_from_paginated_fn(
        lambda count, token: client.search_experiments(max_results=count, page_token=token), _PAGE
    )
    return {
        experiment.name: _link(experiment, address)
        for experiment in every
        if VIEW_TAG in experiment.tags or "mlflow.experimentKind" in experiment.tags
    }


def base_of(address: str) -> str:
    """What the address of every page of a server begins with."""
    return f"{without_credentials(address).rstrip('/')}/#"


def _link(experiment: Experiment, address: str) -> str:
    base = f"{base_of(address)}/experiments/{experiment.experiment_id}/runs"
    if VIEW_TAG in experiment.tags:
        return f"{base}?{urlencode({'viewStateShareKey': _VIEW, **ASKED})}"
    # Logged by an earlier version: trials with MLflow's own columns.
    return f"{base}?{urlencode({'searchFilter': _TRIALS, **ASKED})}"
