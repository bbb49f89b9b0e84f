"""The model registry: a bundle as a version of a registered model, beneath the run that it came from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mqn.errors import TrackingError
from mqn.parsing import content_hash, file_hash
from mqn.track.connection import failures, one_line
from mqn.track.sending.files import store_files
from mqn.track.sending.sender import Sender

BUNDLE_HASH = "mqn.bundle"


def model_name(study: str) -> str:
    """The registered model that a study's bundles are versions of."""
    return f"mqn-{study}"


def register(
    uri: str,
    registry: str | None,
    name: str,
    bundle: Path,
    *,
    study: str,
    number: int,
    tags: Mapping[str, Any],
    alias: str | None = None,
) -> str:
    """Put a bundle into the model registry. `alias` is what its version is called from now on; None: none changes.

    Returns:
        The version; the one that is there already if the same bundle was registered before.

    Raises:
        TrackingError: the trial is not logged, or MLflow cannot be used.
    """
    try:
        sender = Sender(uri, registry)
        client, run = sender.client, sender.find_trial(study, number)
        if run is None:
            raise TrackingError(
                f"trial {number} of study {study!r} has no run in MLflow; resume the study with tracking on, then try "
                "again"
            )
        files = sorted(path for path in bundle.rglob("*") if path.is_file())
        digest = content_hash({path.relative_to(bundle).as_posix(): file_hash(path) for path in files})
        if not client.search_registered_models(f"name = '{name}'", max_results=1):
            client.create_registered_model(name)
        known = client.search_model_versions(f"name = '{name}'")
        version = next((one for one in known if one.tags.get(BUNDLE_HASH) == digest), None)
        if version is None:
            _, unstored = store_files(run.info.artifact_uri, uri, {"bundle": str(bundle)})
            if unstored is not None:
                raise TrackingError(str(unstored))
            words = {key: str(value) for key, value in tags.items()}
            words |= {BUNDLE_HASH: digest, "study": study, "trial": str(number)}
            source = f"{run.info.artifact_uri}/bundle"
            version = client.create_model_version(name, source, run.info.run_id, tags=words)
        if alias is not None:
            client.set_registered_model_alias(name, alias, version.version)
        return str(version.version)
    except failures() as error:
        raise TrackingError(f"cannot register {bundle} as {name!r}: {one_line(error)}") from error
