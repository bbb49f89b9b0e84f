"""Which tracking server a command talks to, and who named it."""

from __future__ import annotations

import os

from mqn.cli import output
from mqn.profile import REGISTRY_VARIABLE, TRACKING_VARIABLE, Profile, load_profile
from mqn.text.redaction import redact_url

_EXPERIMENTS = ("MLFLOW_EXPERIMENT_NAME", "MLFLOW_EXPERIMENT_ID", "MLFLOW_RUN_ID")
"""MLflow's variables that name one place for whatever a program logs."""


def load_tracked(name: str) -> Profile:
    """Read a profile, and say in a line each what MLflow's own variables have to do with it, where any is set.

    The profile's `tracking.uri` counts first, then `MLFLOW_TRACKING_URI` and `MLFLOW_REGISTRY_URI`, then the database
    in `$MQN_HOME`. What tells MLflow how to reach a server (`MLFLOW_TRACKING_USERNAME`, `_PASSWORD`, `_TOKEN`,
    `_INSECURE_TLS`, `MLFLOW_HTTP_REQUEST_TIMEOUT`, ...) counts always.

    Args:
        name: a file's stem in `runners/`, or a path to a .toml file.

    Raises:
        UnknownNameError: there is no such profile.
        ConfigError: the file is wrong.
    """
    profile = load_profile(name)
    for line in filter(None, (describe_tracking(profile, name), describe_experiments(profile))):
        output.note(line)
    return profile


def describe_experiments(profile: Profile) -> str:
    """Which of MLflow's variables name an experiment or a run that studies do not log to; empty where none is set."""
    given = [variable for variable in _EXPERIMENTS if os.environ.get(variable)]
    if not given or not profile.tracking_uri:
        return ""
    verb = "is" if len(given) == 1 else "are"
    return (
        f"tracking: {' and '.join(given)} {verb} not used: each study is an experiment of its own, called as the study "
        "is; choose its name with --study NAME"
    )


def describe_tracking(profile: Profile, name: str) -> str:
    """Whose word counts, MLflow's variables' or the profile's; empty where no variable is set.

    Args:
        profile: what is used.
        name: as the user calls it.
    """
    given = [variable for variable in (TRACKING_VARIABLE, REGISTRY_VARIABLE) if os.environ.get(variable)]
    if not given:
        return ""
    verb = "is" if len(given) == 1 else "are"
    if profile.tracking.uri is None:
        told = ", ".join(f"{variable}={redact_url(os.environ[variable])}" for variable in given)
        return f"tracking: {told} {verb} used, as profile {name!r} names no server"
    if profile.tracking_uri == os.environ.get(TRACKING_VARIABLE) and given == [TRACKING_VARIABLE]:
        return ""
    where = redact_url(profile.tracking_uri) or "nowhere"
    return f"tracking: {' and '.join(given)} {verb} not used, as profile {name!r} says tracking.uri = {where}"
