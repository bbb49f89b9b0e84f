"""Settings given on the command line, such as `training.epochs=3` or `training.feature_pools=[1,2]`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from typing import Any

from mqn.errors import ConfigError, nearest
from mqn.records import Candidate


def parse_settings(texts: Iterable[str]) -> dict[str, Any]:
    """Read `key=value` settings; a value is TOML where it can be, else a plain string.

    Args:
        texts: as given, for example `arch.attention=ca`.

    Returns:
        Values by the candidate's dotted keys; types and ranges are checked where a candidate is made of them.

    Raises:
        ConfigError: no `=`, or a key that a candidate does not have.
    """
    fields = Candidate().flat()
    settings = {}
    for text in texts:
        key, equals, value = (part.strip() for part in text.partition("="))
        if not equals:
            raise ConfigError(f"--set {text!r} must read key=value, for example training.epochs=3")
        if key not in fields:
            raise ConfigError(f"--set {key}: no such key; {nearest(key, fields)}")
        try:
            settings[key] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            settings[key] = value
    return settings
