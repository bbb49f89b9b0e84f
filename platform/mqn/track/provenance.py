"""What a run was made with: the packages' versions and the commit of a clone."""

from __future__ import annotations

import contextlib
import functools
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    "mqn-platform",
    "ai-edge-litert",
    "ai-edge-quantizer",
    "mlflow",
    "numpy",
    "optuna",
    "ray",
    "tensorflow",
    "torch",
)


@functools.cache
def provenance() -> dict[str, str]:
    """What made a run, as tags: `version.<package>`; in a clone, `mlflow.source.git.commit` and `git.dirty`."""
    tags = {}
    for name in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            tags[f"version.{name}"] = version(name)
    folder = Path(__file__).resolve().parent
    commit = _git(folder, "rev-parse", "HEAD")
    if commit:
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
        tags |= {"mlflow.source.git.commit": commit, "git.dirty": "true" if changed else "false"}
    return tags


def _git(folder: Path, *arguments: str) -> str | None:
    """What git says, or None where there is no git or no clone."""
    if shutil.which("git") is None:
        return None
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None
