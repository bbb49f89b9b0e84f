"""The model registry: a bundle as a version of a registered model, beneath the run that it came from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mqn.errors import TrackingError
from mqn.parsing import content_hash, file_hash
from mqn.track.connection import failures, one_line
from mqn.track.files import store_bundle
from mqn.track.sender import Sender

BUNDLE_HASH = "mqn.bundle"


def register(
    uri: str, registry: str | None, name: str, bundle: Path, *, study: str, number: int, tags: Mapping[str, Any]
) -> str:
    """Put a bundle into the model registry.

    Args:
        uri: the tracking URI.
        registry: the registry's; None: the same.
        name: the registered model's name; made if absent.
        bundle: the bundle's folder.
        study: the trial's study.
        number: its number.
        tags: of the version.

    Returns:
        The version; the one that is there already if the same bundle was registered before.

    Raises:
        TrackingError: the trial is not logged, or MLflow cannot be used.
    """
    try:
        return _register(Sender(uri, registry), name, bundle, study=study, number=number, tags=tags)
    except failures() as error:
        raise TrackingError(f"cannot register {bundle} as {name!r}: {one_line(error)}") from error


def _register(sender: Sender, name: str, bundle: Path, *, study: str, number: int, tags: Mapping[str, Any]) -> str:
    client = sender.client
    run = sender.find_trial(study, number)
    if run is None:
        raise TrackingError(
            f"trial {number} of study {study!r} has no run in MLflow; resume the study with tracking on, then try again"
        )
    digest = bundle_hash(bundle)
    if not client.search_registered_models(f"name = '{name}'", max_results=1):
        client.create_registered_model(name)
    for version in client.search_model_versions(f"name = '{name}'"):
        if version.tags.get(BUNDLE_HASH) == digest:
            return str(version.version)
    store_bundle(run, sender.uri, bundle)
    words = {
        **{key: str(value) for key, value in tags.items()},
        BUNDLE_HASH: digest,
        "study": study,
        "trial": str(number),
    }
    source = f"{run.info.artifact_uri}/bundle"
    return str(client.create_model_version(name, source, run.info.run_id, tags=words).version)


def bundle_hash(bundle: Path) -> str:
    """A hash of a folder's file names and contents."""
    files = sorted(path for path in bundle.rglob("*") if path.is_file())
    return content_hash({path.relative_to(bundle).as_posix(): file_hash(path) for path in files})
