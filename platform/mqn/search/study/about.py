"""The names that a study may have, and what it was created with."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from mqn.errors import UsageError
from mqn.plain_values import shown

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a study was created with.

    Attributes:
        space: the space's definition, overrides included (`Space.definition`).
        space_hash: its hash.
        space_name: the name or path that the space was loaded by.
        overrides: settings of the command line, by dotted key.
        profile: the profile's name.
        data: the data as asked for; None: the embedded scenes.
        data_hash: the dataset's hash.
        seed: of the sampler.
        targets: what every trial is measured on.
        checkpoint: the trained network that the command line named; None: the space says whether there is one.
        runtime: on how many threads, on which processors and with which delegate; empty in older studies.
        simulated: whether times, failures and figures are drawn by the profile's table `simulate`: nothing is measured.
        warm_start: names of earlier studies that its sampler learns from.
        created: UTC, ISO 8601.
    """

    space: dict[str, Any]
    space_hash: str
    space_name: str
    overrides: dict[str, Any] = field(default_factory=dict)
    profile: str = "default"
    data: str | None = None
    data_hash: str = ""
    seed: int = 0
    targets: tuple[str, ...] = ()
    checkpoint: str | None = None
    runtime: dict[str, Any] = field(default_factory=dict)
    simulated: bool = False
    warm_start: tuple[str, ...] = ()
    created: str = ""


def check_name(name: str) -> str:
    """Check that databases and folders can use a study's name, and return it. A UsageError says what is allowed."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"study {shown(name)}: a name has 1 to 100 letters, digits, '.', '_' and '-', and begins with a letter or "
            "digit; give another with --study NAME"
        )
    return name
