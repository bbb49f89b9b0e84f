"""What must stay as it was while a study goes on: how is measured, and on which devices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mqn.errors import StudyError
from mqn.search.study import Study

_DEVICES = "devices"


def check_runtime(study: Study, runtime: Mapping[str, Any]) -> None:
    """Make sure that the figures of further trials can stand beside those of earlier ones.

    Args:
        study: goes on.
        runtime: as `About.runtime`.

    Raises:
        StudyError: the profile measures in another way by now; says which key changed.
    """
    for key, old in study.about.runtime.items():
        if runtime[key] != old:
            raise StudyError(
                f"study {study.name!r} is measured with {key} = {old!r}, not {runtime[key]!r}; set it back under "
                "'measure' in the profile, or start a new study with --study NAME"
            )


def hold_devices(study: Study, identities: Mapping[str, str]) -> None:
    """Make sure that a device's name still means the device that the study measured on, and remember it.

    Args:
        study: begins or goes on.
        identities: id of the device that each target names.

    Raises:
        StudyError: another device goes by its name by now.
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
