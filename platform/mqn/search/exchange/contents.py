"""What an exported study's archive holds: its table of contents, `manifest.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mqn.errors import ConfigError, StudyError
from mqn.parsing import from_mapping

FORMAT = 1
"""Of archives. An archive of another one is refused."""
KIND = "mqn study"
CONTENTS, STUDY, TRIALS, SPACE = "manifest.json", "study.json", "trials.jsonl", "space.toml"
"""Files of an archive: the table of contents; the study; its trials, a line each; its space, as one may search it."""
ARTIFACTS, HISTORIES = "artifacts", "histories"
"""Folders of an archive: artifacts by stage and key; histories of trainings whose checkpoints stayed."""
Which = Literal["front", "all", "none"]
"""Whose artifacts an archive holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file of an archive."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """The pictures that a study was trained and scored on. They do not travel with it.

    Attributes:
        name: of the dataset, or of the folder that it lay in; None: the procedural scenes, which mqn makes anywhere.
        hash: of the dataset.
        licence: what the publisher allows; None: not recorded.
    """

    name: str | None
    hash: str
    licence: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """The table of contents.

    Attributes:
        format: of the archive.
        kind: tells these archives from others.
        study: the study's name where it was exported.
        mqn: version of the program that exported it.
        exported: when, UTC, ISO 8601.
        artifacts: whose artifacts are in it.
        trials: how many trials are in it, and in which state of Optuna's.
        missing: artifacts that were wanted and not there: `stage/key`.
        pictures: what the study was trained and scored on.
        spent: what the study has spent: source, kind and amount.
        files: every other file of the archive, by its path.
    """

    format: int
    kind: str
    study: str
    mqn: str
    exported: str
    artifacts: Which
    trials: dict[str, int]
    missing: tuple[str, ...] = ()
    pictures: Pictures
    spent: list[Any] = field(default_factory=list)
    files: dict[str, Entry] = field(default_factory=dict)

    def spent_rows(self) -> dict[tuple[str, str], float]:
        """What the study has spent, by source and kind. A ConfigError if the rows are of another form."""
        try:
            return {(str(source)[:80], str(kind)[:20]): float(amount) for source, kind, amount in self.spent}
        except (TypeError, ValueError) as error:
            raise ConfigError(f"{CONTENTS}: spent must be rows of source, kind and amount") from error


def read_contents(plain: Any, source: str) -> Contents:
    """Read a table of contents.

    Raises:
        StudyError: it is of another format, or of something else.
        ConfigError: it is none; names the key.
    """
    if not isinstance(plain, Mapping) or plain.get("kind") != KIND:
        raise StudyError(f"{source} is no exported study; give a file that `mqn export-study` wrote")
    if plain.get("format") != FORMAT:
        raise StudyError(
            f"{source} has the format {str(plain.get('format'))[:20]!r}, and this mqn reads {FORMAT}: import it with "
            f"the mqn that wrote it ({str(plain.get('mqn', '?'))[:40]}), or export it again with this one"
        )
    return from_mapping(Contents, plain, source=f"{source}: {CONTENTS}")
