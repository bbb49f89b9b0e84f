"""Which tracking server a command talks to, and who named it."""

from __future__ import annotations

import os

from mqn.cli import output
from mqn.profile import REGISTRY_VARIABLE, TRACKING_VARIABLE, Profile, load_profile
from mqn.text.redaction import redact_url


def load_tracked(name: str) -> Profile:
    """Read a profile, and say in one line what MLflow's own variables have to do with it, where any is set.

    Args:
        name: a file's stem in `runners/`, or a path to a .toml file.

    Raises:
        UnknownNameError: there is no such profile.
        ConfigError: the file is wrong.
    """
    profile = load_profile(name)
    line = describe_tracking(profile, name)
    if line:
        output.note(line)
    return profile


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
