"""This package, packed for machines of a cluster that do not have it. The version that runs is then the driver's."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mqn.home import DATA_FOLDERS, data_folder
from mqn.profile_tables.ray import RayProfile

_JOB = "RAY_JOB_CONFIG_JSON_ENV_VAR"
"""Set by Ray in a driver that was started by `ray job submit`: as what the job was submitted."""


@contextlib.contextmanager
def packed() -> Iterator[Path]:
    """A copy of the package as the wheel has it: with its TOML files, without compiled files.

    Yields:
        The folder `mqn`, for `py_modules` of Ray's runtime environment. It goes afterwards; Ray has uploaded it then,
        under a name that depends on its contents, so that a cluster that has it already takes nothing.
    """
    with tempfile.TemporaryDirectory(prefix="mqn-package-") as folder:
        copy = Path(folder) / "mqn"
        shutil.copytree(
            Path(__file__).resolve().parent, copy, ignore=shutil.ignore_patterns("__pycache__", "_shipped", "*.pyc")
        )
        for kind in DATA_FOLDERS:
            shutil.copytree(data_folder(kind), copy / "_shipped" / kind)
        yield copy


def modules(stack: contextlib.ExitStack, ray: RayProfile) -> list[str]:
    """What workers are brought, for `py_modules` of Ray's runtime environment: this package, and the profile's modules.

    Args:
        stack: leave it when Ray has taken them.
        ray: names modules, and says whether this package is brought.
    """
    own = [str(stack.enter_context(packed()))] if ray.ships else []
    return own + [str(Path(module).absolute()) for module in ray.modules]


def submitted_as() -> dict[str, Any]:
    """The runtime environment that this driver was submitted with by `ray job submit`; empty: it was not."""
    try:
        plain = json.loads(os.environ.get(_JOB) or "{}")
    except ValueError:
        return {}
    found = plain.get("runtime_env")
    return found if isinstance(found, dict) else {}
