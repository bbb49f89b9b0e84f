"""A network that is trained already, taken by every trial of a study in place of a training of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mqn.errors import ConfigError
from mqn.parsing import file_hash, flatten, to_plain
from mqn.records import Candidate

_NETWORK = ("arch.", "training.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A training's checkpoint.

    Attributes:
        checkpoint: the file, as an absolute path.
        sha256: of its content when the study was made.
    """

    checkpoint: str
    sha256: str

    def plain(self) -> dict[str, str]:
        """As it stands in a space's definition."""
        return {"checkpoint": self.checkpoint, "checkpoint_sha256": self.sha256}


def with_checkpoint(
    definition: Mapping[str, Any], checkpoint: Path, *, source: str, replace: bool = False
) -> dict[str, Any]:
    """A space's plain tables with network and training fixed to what a checkpoint has.

    Args:
        definition: the tables.
        checkpoint: a training's `checkpoint.pt`.
        source: the space's file, for error messages.
        replace: whether the checkpoint counts where the tables fix something else; else that is refused.

    Raises:
        WeightsError: the file is missing, damaged, or no checkpoint.
        ConfigError: the tables fix something else.
    """
    from mqn.models.checkpoint import load

    arch, training, _ = load(checkpoint)
    own = {key: v for key, v in flatten(to_plain(Candidate(arch=arch, training=training))).items() if is_network(key)}
    fixed = flatten(definition.get("fixed", {}))
    for key in () if replace else filter(is_network, fixed):
        if key in own and fixed[key] != own[key]:
            raise ConfigError(
                f"{source}: fixed.{key} is {fixed[key]!r}, and {checkpoint} was trained with {own[key]!r}; leave it out"
            )
    trained = Trained(checkpoint=str(checkpoint.absolute()), sha256=file_hash(checkpoint))
    return {**definition, "fixed": {**fixed, **own}, **trained.plain()}


def check_varied(trained: Trained | None, keys: Iterable[str], *, source: str) -> None:
    """Make sure that a study on a trained network varies and sets nothing but plans.

    Raises:
        ConfigError: one of the keys says something of the network or its training.
    """
    network = next(filter(is_network, keys), None)
    if trained is not None and network is not None:
        raise ConfigError(f"{source}: {network} is fixed by {trained.checkpoint}; only plan.* can be varied or set")


def is_network(key: str) -> bool:
    """Whether a candidate's key says something of the network or its training, which a checkpoint fixes."""
    return key.startswith(_NETWORK)
