"""What takes seconds to make and is alike for every test: made once for all test processes of a run."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """What the first process that asks makes at the path that `make` is given; the others wait for it, and find it.

    Nobody may change it: tests take copies, or links.
    """
    base = factory.getbasetemp()
    # Of several test processes each has a folder of its own, all of them in one that goes with the run.
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "made_once"
    folder.mkdir(exist_ok=True)
    made = folder / name
    with FileLock(f"{made}.lock"):
        if not made.exists():
            unfinished = folder / f"unfinished-{name}"
            shutil.rmtree(unfinished, ignore_errors=True)
            make(unfinished)
            unfinished.rename(made)
    return made


def make_tracking_database(folder: Path) -> None:
    """Make `mlflow.db` in a new folder: MLflow's tables, and nothing in them."""
    from mqn.track.connection import connect

    connect(f"sqlite:///{folder / 'mlflow.db'}")


def make_scenes(folder: Path) -> None:
    """Prepare the procedural scenes as a dataset, as a home has them."""
    from mqn.data.location import embedded_folder, locate

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MQN_HOME", str(folder.with_name(f"{folder.name}-home")))
        locate(None)
        shutil.move(embedded_folder(), folder)
        shutil.rmtree(os.environ["MQN_HOME"])


def furnish(home: Path, *, scenes: Path | None = None, database: Path | None = None) -> None:
    """Put into a home what its first command would take seconds to make there."""
    from mqn.data.location import embedded_folder

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MQN_HOME", str(home))
        place = embedded_folder()  # Makes the home.
    if scenes is not None:
        place.parent.mkdir(exist_ok=True)
        place.symlink_to(scenes)
    if database is not None:
        shutil.copy(database, home / "mlflow.db")
