"""The studies of a database: made, opened, listed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import optuna

from mqn.distribution import __version__
from mqn.errors import ConfigError, StudyError, UnknownNameError, UsageError
from mqn.parsing import from_mapping, to_plain
from mqn.search.space.space import Space
from mqn.search.space.space_file import parse_space
from mqn.search.storage.lease import Lease
from mqn.search.storage.store import StudyStore, connect, is_absent
from mqn.search.study.about import About, check_name
from mqn.search.study.study import ABOUT, Study


def create_study(
    name: str, where: str | StudyStore, about: About, lease: Lease | None = None, space: Space | None = None
) -> Study:
    """Make a new study, or complete one whose making was cut short.

    Raises:
        StudyError: the study exists already.
        UsageError: a study may not have that name.
    """
    check_name(name)
    store = connect(where)
    space = space or parse_space(about.space, source=f"study {name!r}")
    try:
        study = optuna.create_study(storage=store.storage, study_name=name, directions=space.directions)
    except optuna.exceptions.DuplicatedStudyError:
        study = optuna.load_study(storage=store.storage, study_name=name)
        if ABOUT in study.user_attrs:
            raise StudyError(
                f"study {name!r} exists already; go on with --resume, or start another with --study NAME"
            ) from None
    about = from_mapping(About, {**to_plain(about), "created": datetime.now(UTC).isoformat()}, source="study")
    made = Study(study, about, store, lease, space)
    made.enqueue(list(space.start))  # Before the study counts as made, so that no kill can lose them.
    study.set_user_attr(ABOUT, to_plain(about))
    return made


def open_study(name: str, where: str | StudyStore, lease: Lease | None = None) -> Study:
    """Open a study that exists.

    Raises:
        UnknownNameError: there is no such study; names the nearest.
        StudyError: another version made it, and this one cannot read it.
    """
    store = None if is_absent(where) else connect(where)
    summaries = {} if store is None else _own(store)
    if store is None or name not in summaries:
        raise UnknownNameError("study", name, summaries, "start one with: mqn search SPACE --study NAME")
    study = optuna.load_study(storage=store.storage, study_name=name)
    try:
        about = from_mapping(About, summaries[name], source=f"study {name!r}")
        space = parse_space(about.space, source=f"study {name!r}")
    except (ConfigError, UsageError) as error:
        raise StudyError(
            f"{error}; this is mqn {__version__}, and another version made the study: use that one, or start another "
            "study with --study NAME"
        ) from error
    return Study(study, about, store, lease, space)


def list_studies(where: str | StudyStore) -> dict[str, About | None]:
    """Every study of a database by name, oldest first; None: another version made it, and this one cannot read it."""
    own = {} if is_absent(where) else _own(connect(where))
    return {name: _read_about(name, plain) for name, plain in own.items()}


def _read_about(name: str, plain: dict[str, Any]) -> About | None:
    try:
        return from_mapping(About, plain, source=f"study {name!r}")
    except (ConfigError, UsageError):
        return None


def _own(store: StudyStore) -> dict[str, dict[str, Any]]:
    return {
        study.study_name: study.user_attrs[ABOUT]
        for study in store.storage.get_all_studies()
        if ABOUT in study.user_attrs
    }
