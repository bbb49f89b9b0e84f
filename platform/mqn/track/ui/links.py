"""Addresses of MLflow's pages that show the rest of a study: its own run, and its bundles in the registry."""

from __future__ import annotations

from urllib.parse import urlencode

from mqn.track.connection import connect
from mqn.track.registry import model_name
from mqn.track.sending.sender import ROLE
from mqn.track.ui.pages import ASKED, base_of


def further_links(uri: str, address: str, study: str, *, registry: str | None = None) -> dict[str, str]:
    """Where MLflow's pages show what the table of a study's trials does not.

    Args:
        uri: of the tracking server.
        address: of its pages.
        study: the study's name.
        registry: of the model registry; None: the tracking server's.

    Returns:
        What a page shows, to its address.

    Raises:
        One of `failures()`: the server cannot be reached.
    """
    client, base = connect(uri, registry), base_of(address)
    found: dict[str, str] = {}
    experiment = client.get_experiment_by_name(study)
    if experiment is not None:
        number = experiment.experiment_id
        for run in client.search_runs([number], f"tags.`{ROLE}` = 'study'", max_results=1):
            page = f"{base}/experiments/{number}/runs/{run.info.run_id}?{urlencode(ASKED)}"
            found["front, and what all trials share"] = page
    if client.search_registered_models(f"name = '{model_name(study)}'", max_results=1):
        found["bundles"] = f"{base}/models/{model_name(study)}"
    return found
