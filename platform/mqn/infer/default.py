"""The model in the box: what `default` means where a command takes an exported model."""

from __future__ import annotations

from pathlib import Path

DEFAULT = "default"
"""Its name. A folder of the user's that is called so goes by `./default`."""

FOLDER = Path(__file__).parent / "default_model"
"""Where it lies: an export with its model card."""


def located(folder: Path | str) -> Path:
    """The folder that a user named: the model in the box for its name, else the path itself."""
    return FOLDER if str(folder) == DEFAULT else Path(folder)
