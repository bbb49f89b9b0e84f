"""What must not change while a study goes on: its space, the settings of measurements, the devices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mqn.errors import SpaceChangedError, StudyError
from mqn.parsing import to_plain
from mqn.profile import Profile
from mqn.search.space.space import Space, changed_keys
from mqn.search.study.study import Study

_DEVICES = "devices"


def check_unchanged(study: Study, space: Space) -> None:
    """Make sure that a space is the one that the study was made with. A SpaceChangedError says which key changed."""
    changes = changed_keys(study.space.definition, space.definition)
    if changes:
        key, (old, new) = next(iter(changes.items()))
        more = f" and {len(changes) - 1} more" if len(changes) > 1 else ""
        raise SpaceChangedError(
            f"the space of study {study.name!r} has changed: {key} was {old!r}, is {new!r}{more}; "
            "set it back, or start a new study with --study NAME"
        )


def runtime_of(profile: Profile) -> dict[str, Any]:
    """What a profile says of how models run on devices, as a study remembers it."""
    plain = to_plain(profile.measure)
    return {key: plain[key] for key in ("threads", "delegate", "processors")}


def check_runtime(study: Study, runtime: Mapping[str, Any]) -> None:
    """Make sure that measurements stay comparable. A StudyError says what the profile would change."""
    for key, old in study.about.runtime.items():
        if runtime[key] != old:
            raise StudyError(
                f"study {study.name!r} is measured with {key} = {old!r}, not {runtime[key]!r}; set it back under "
                "'measure' in the profile, or start a new study with --study NAME"
            )


def hold_devices(study: Study, identities: Mapping[str, str]) -> None:
    """Make sure that each name still means the device that the study measured on; remember new ones.

    `identities` is each target's device id.

    Raises:
        StudyError: another device has the name now.
    """
    known: dict[str, str] = study.optuna.user_attrs.get(_DEVICES, {})
    for target, identity in identities.items():
        if known.get(target, identity) != identity:
            raise StudyError(
                f"study {study.name!r} was measured on a device {target!r} with the id {known[target]}, and the "
                f"profile's has {identity}: figures of two devices make no front; start a new study with --study NAME"
            )
    if identities.keys() - known.keys():
        study.optuna.set_user_attr(_DEVICES, {**known, **identities})


def same_devices(one: Study, other: Study) -> list[str]:
    """The targets that mean the same device in two studies, measured with the same settings."""
    if one.about.runtime != other.about.runtime:
        return []
    known, theirs = (study.optuna.user_attrs.get(_DEVICES, {}) for study in (one, other))
    return [target for target, identity in known.items() if theirs.get(target) == identity]
