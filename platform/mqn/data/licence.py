"""The origin and the licence of a dataset's pictures, as far as they are recorded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mqn.data.dataset import Dataset
from mqn.data.preparation.prepare import PROCEDURAL
from mqn.data.public.lockfile import LOCK_FILE, Fetched
from mqn.data.storage.catalogue import SPLITS
from mqn.errors import ConfigError
from mqn.parsing import read_json
from mqn.text.redaction import redact_url


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where pictures come from.

    Attributes:
        name: of the public dataset, or the folder or URL (without a password) that they were read from.
        licence: what the publisher allows, as the catalogue told when it was fetched; None: nothing is recorded.
        procedural: whether this program made the pictures: they show no real scene, and are nobody's.
        counts: pictures by split.
        hash: of the dataset (`Dataset.hash`).
    """

    name: str
    licence: str | None
    procedural: bool
    counts: dict[str, int]
    hash: str


def origin_of(dataset: Dataset) -> Origin:
    """Find out where a dataset's pictures come from.

    A folder that `mqn data fetch` filled holds a record of its licence, for itself and for every folder below it.
    """
    made_from = dataset.catalogue.made_from
    procedural = made_from == PROCEDURAL
    fetched = None if procedural or "://" in made_from else _fetched(Path(made_from))
    return Origin(
        name=fetched.dataset if fetched else redact_url(made_from),
        licence=fetched.licence if fetched else None,
        procedural=procedural,
        counts={split: dataset.count(split) for split in SPLITS},
        hash=dataset.hash,
    )


def _fetched(folder: Path) -> Fetched | None:
    for place in (folder, *folder.parents):
        if (place / LOCK_FILE).is_file():
            try:
                return read_json(Fetched, place / LOCK_FILE)
            except ConfigError:
                return None
    return None
