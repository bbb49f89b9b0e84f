"""A checkpoint that every trial of a study takes instead of training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mqn.errors import ConfigError
from mqn.families import DEFAULT_FAMILY
from mqn.networks.fetched import is_url, local_file
from mqn.parsing import file_hash, flatten, to_plain
from mqn.records import Candidate

_NETWORK = ("arch.", "training.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A training's checkpoint: its absolute path or its URL, and the SHA-256 that it had when the study was made."""

    checkpoint: str
    sha256: str

    def plain(self) -> dict[str, str]:
        """The entries of a space's definition."""
        return {"checkpoint": self.checkpoint, "checkpoint_sha256": self.sha256}


def with_checkpoint(
    definition: Mapping[str, Any], checkpoint: str | Path, *, source: str, replace: bool = False
) -> dict[str, Any]:
    """Fix network and training in a space's tables to those of a checkpoint.

    With `replace`, the checkpoint wins where the tables fix something else; without it that is an error.

    Raises:
        WeightsError: the file is missing, damaged, or no checkpoint.
        ConfigError: the tables fix something else.
    """
    from mqn.models.checkpoint import load

    file = local_file(checkpoint)
    arch, training, _ = load(file)
    own = {key: v for key, v in flatten(to_plain(Candidate(arch=arch, training=training))).items() if is_network(key)}
    fixed = flatten(definition.get("fixed", {}))
    for key in () if replace else filter(is_network, fixed):
        if key in own and fixed[key] != own[key]:
            raise ConfigError(
                f"{source}: fixed.{key} is {fixed[key]!r}, and {checkpoint} was trained with {own[key]!r}; leave it out"
            )
    if replace and arch.family != fixed.get("arch.family", DEFAULT_FAMILY):
        fixed = {key: value for key, value in fixed.items() if not is_network(key)}
    named = str(checkpoint) if is_url(checkpoint) else str(file.absolute())
    trained = Trained(checkpoint=named, sha256=file_hash(file))
    return {**definition, "fixed": {**fixed, **own}, **trained.plain()}


def check_varied(trained: Trained | None, keys: Iterable[str], *, source: str) -> None:
    """Make sure that a study on a trained network varies and sets nothing but plans.

    Raises:
        ConfigError: one of the keys is about the network or its training.
    """
    network = next(filter(is_network, keys), None)
    if trained is not None and network is not None:
        raise ConfigError(f"{source}: {network} is fixed by {trained.checkpoint}; only plan.* can be varied or set")


def is_network(key: str) -> bool:
    """Whether a key is about the network or its training, which a checkpoint fixes."""
    return key.startswith(_NETWORK)
