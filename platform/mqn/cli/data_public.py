"""`mqn data list|fetch`: the public datasets."""

from __future__ import annotations

import typer


def register(group: typer.Typer) -> None:
    """Add the commands to `mqn data`."""
