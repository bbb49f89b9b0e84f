"""The model registry: a bundle as a version of a registered model, beneath the run that it came from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from mqn.errors import TrackingError, UsageError
from mqn.parsing import content_hash, file_hash
from mqn.plain_values import shown
from mqn.text.redaction import redact
from mqn.track.connection import failures, one_line
from mqn.track.flavor import MLMODEL
from mqn.track.sending.files import store_files
from mqn.track.sending.sender import Sender

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.tracking import MlflowClient

Alias = Literal["candidate", "champion"]
ALIASES = get_args(Alias)
"""What a version may be called: one that may be shipped, and the one that is."""

BUNDLE_HASH = "mqn.bundle"
CARD = "MODEL_CARD.md"
_OF_THIS_TIME = ("verification.json", "manifest.json")
_FOLDER = "bundle"
# MLflow's column of descriptions.
_LONGEST = 5000


def model_name(study: str) -> str:
    """The registered model that a study's bundles are versions of."""
    return f"mqn-{study}"


def check_alias(alias: str | None) -> str | None:
    """Check that a version may be called so, and return it. A UsageError says what is allowed."""
    if alias is not None and alias not in ALIASES:
        raise UsageError(f"alias {shown(alias)}; allowed: {', '.join(ALIASES)}")
    return alias


def register(
    uri: str,
    registry: str | None,
    name: str,
    bundle: Path,
    mlmodel: Path,
    *,
    study: str,
    number: int,
    tags: Mapping[str, Any],
    alias: str | None = None,
) -> str:
    """Put a bundle into the model registry. `alias` is what its version is called from now on; None: none changes.

    Args:
        uri: of the tracking server.
        registry: of the model registry; None: the tracking server's.
        name: the registered model's name; made if absent.
        bundle: the bundle's folder; its model card becomes the version's description.
        mlmodel: the file that makes it a model of MLflow's (`mqn.track.flavor`).
        study: the trial's study.
        number: its number.
        tags: of the version.
        alias: what the version is called from now on; None: no alias changes.

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
        digest = _digest(bundle)
        _prepare(client, name, study)
        versions = list(client.search_model_versions(f"name = '{name}'"))
        version = next((str(one.version) for one in versions if one.tags.get(BUNDLE_HASH) == digest), "")
        if not version:
            source = _place(run.info.artifact_uri, digest, versions)
            inside = source.removeprefix(f"{run.info.artifact_uri}/")
            files = {inside: str(bundle), f"{inside}/{MLMODEL}": str(mlmodel)}
            missing, unstored = store_files(run.info.artifact_uri, uri, files)
            if unstored is not None:
                raise TrackingError(str(unstored))
            if missing:
                raise TrackingError(f"{bundle} is gone; write it again with mqn select")
            words = {key: str(value) for key, value in tags.items()}
            words |= {BUNDLE_HASH: digest, "study": study, "trial": str(number)}
            card = _card(bundle) or None
            made = client.create_model_version(name, source, run.info.run_id, tags=words, description=card)
            version = str(made.version)
        if alias is not None:
            client.set_registered_model_alias(name, alias, version)
    except failures() as error:
        raise TrackingError(f"cannot register {bundle} as {name!r}: {one_line(error)}") from error
    return version


def _prepare(client: MlflowClient, name: str, study: str) -> None:
    """Make the registered model if absent, and say what it is, unless a person has."""
    about = (
        f"Bundles of the study **{study}**, made by `mqn select {study}`. A version's description is its model card; "
        f"its aliases are `candidate` and `champion`.\n\n"
        f'    mlflow.pyfunc.load_model("models:/{name}@champion").predict(pictures)  # N x H x W x 3\n'
        f"    mlflow models serve -m models:/{name}@champion --env-manager local"
    )
    found = client.search_registered_models(f"name = '{name}'", max_results=1)
    if not found:
        client.create_registered_model(name, description=about)
    elif not found[0].description:
        client.update_registered_model(name, about)


def _digest(bundle: Path) -> str:
    """What makes a bundle another one: not when it was verified, nor the manifest that lists that."""
    files = sorted(path for path in bundle.rglob("*") if path.is_file() and path.name not in _OF_THIS_TIME)
    return content_hash({path.relative_to(bundle).as_posix(): file_hash(path) for path in files})


def _place(artifact_uri: str, digest: str, versions: list[ModelVersion]) -> str:
    """Where a new version's files go: another bundle of the same trial may be a version already, and keeps its own."""
    usual = f"{artifact_uri}/{_FOLDER}"
    return f"{usual}-{digest[:12]}" if any(version.source == usual for version in versions) else usual


def _card(bundle: Path) -> str:
    """A bundle's model card, as far as a description holds it; empty where there is none."""
    card = bundle / CARD
    text = redact(card.read_text(encoding="utf-8")) if card.is_file() else ""
    if len(text) <= _LONGEST:
        return text
    more = f"\n\n... (the rest stands in {CARD}, among the version's files)"
    return text[: _LONGEST - len(more)] + more
