"""A sampler of the user's own, named `module:Class`."""

from __future__ import annotations

import importlib
import inspect

from optuna.samplers import BaseSampler

from mqn.errors import ConfigError


def load_class(name: str) -> type[BaseSampler]:
    """Find the class that a space names as its sampler.

    Args:
        name: `package.module:Class`.

    Raises:
        ConfigError: a module that cannot be imported, or what it has under that name is no Optuna sampler.
    """
    module, _, attribute = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute, None)
    except Exception as error:
        words = " ".join(str(error).split()) or type(error).__name__
        raise ConfigError(
            f"sampler {name!r}: cannot import {module!r}: {words}; install its package, or name its folder in "
            "PYTHONPATH"
        ) from error
    if not (isinstance(found, type) and issubclass(found, BaseSampler)):
        raise ConfigError(
            f"sampler {name!r}: {module} has no subclass of optuna.samplers.BaseSampler named {attribute!r}"
        )
    if inspect.isabstract(found):
        raise ConfigError(f"sampler {name!r}: the class is abstract; methods that Optuna needs are missing")
    return found


def make_own(name: str, seed: int) -> BaseSampler:
    """An instance of that class, seeded where it takes `seed`. Every draw makes a new one.

    Raises:
        ConfigError: the class cannot be loaded, or needs further arguments.
    """
    kind = load_class(name)
    takes = inspect.signature(kind).parameters
    try:
        return kind(seed=seed) if "seed" in takes else kind()
    except TypeError as error:
        raise ConfigError(f"sampler {name!r}: cannot be made with nothing but seed: {error}") from error
