"""Kept profiles by operator, each with its model's features, so that the model may be deleted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mqn.device.predictor.graph import OpFeatures, read_features
from mqn.errors import MqnError
from mqn.home import home
from mqn.parsing import content_hash, read_json, write_json
from mqn.records import MeasureSettings, OpProfile


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptProfile:
    """A profile of one model on one device.

    Attributes:
        profile: what the device told.
        features: what the model asks for, operator by operator.
    """

    profile: OpProfile
    features: tuple[OpFeatures, ...]


def profiles_folder() -> Path:
    """Where profiles are kept unless told otherwise: `$MQN_HOME/profiles`, a folder a device."""
    return home() / "profiles"


def keep_profile(folder: Path, profile: OpProfile, files: Sequence[Path]) -> Path | None:
    """Keep a profile of a model's files, in place of an earlier one of the same model, threads and delegate.

    Returns:
        Where it is kept; None where the profile holds no operator that took any time, which teaches nothing.

    Raises:
        ModelFileError: a file is no TFLite file.
        OSError: the folder cannot be written.
    """
    if profile.verdict != "ok" or not _teaches(profile):
        return None
    features = tuple(feature for file in files for feature in read_features(file))
    own = device_folder(folder, profile.device.id)
    own.mkdir(parents=True, exist_ok=True)
    how = {"threads": profile.settings.threads, "delegate": profile.settings.delegate}
    path = own / f"{content_hash({'files': profile.sha256, **how})[:24]}.json"
    write_json(path, KeptProfile(profile=profile, features=features))
    return path


def read_profiles(folder: Path, device_id: str, settings: MeasureSettings) -> tuple[KeptProfile, ...]:
    """Read the kept profiles of a device that have the same threads and delegate: one for each model, by name.

    A file that is no such profile is left out: it orders work, and no figure depends on it.
    """
    kept = []
    for path in sorted(device_folder(folder, device_id).glob("*.json")):
        try:
            found = read_json(KeptProfile, path)
        except MqnError:
            continue
        how = found.profile.settings
        same = (how.threads, how.delegate) == (settings.threads, settings.delegate)
        if same and found.profile.device.id == device_id and _teaches(found.profile):
            kept.append(found)
    return tuple(kept)


def _teaches(profile: OpProfile) -> bool:
    # Runtimes report whole microseconds: a model of tiny operators takes none.
    return sum(op.mean_ms for op in profile.ops) > 0


def device_folder(folder: Path, device_id: str) -> Path:
    """A device's own folder within another; of its id only what may stand in a file's name."""
    return folder / (re.sub(r"[^\w.-]", "_", device_id).lstrip(".")[:60] or "_")
