"""Commands that are imported when they are run: `mqn --help` needs their names and a line about each, no more."""

from __future__ import annotations

import importlib
from typing import Any, Literal

import typer
from typer.core import TyperCommand
from typer.main import get_group

from mqn.cli.paths import refuse_urls

MARKUP: Literal["markdown"] = "markdown"
SETTINGS = {"help_option_names": ["-h", "--help"]}
"""How help is written, the same for every command."""


class LazyCommand(TyperCommand):
    """Stands for a command, or a group of commands, until it is run or asked for its own help."""

    def __init__(self, name: str, line: str) -> None:
        """Remember what `mqn --help` shows.

        Args:
            name: the command's name; the file `mqn.cli.NAME` holds it.
            line: what it does, in one line.
        """
        super().__init__(name, help=line, rich_markup_mode=MARKUP)

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Import the command, and let it read its own words."""
        return load(str(self.name)).make_context(info_name, args, parent=parent, **extra)


def load(name: str) -> Any:
    """The command itself.

    Args:
        name: as in `mqn NAME`; the file `mqn.cli.NAME` holds it.

    Returns:
        A command or a group, as Typer runs it.
    """
    own = typer.Typer(rich_markup_mode=MARKUP, context_settings=SETTINGS, add_completion=False)
    importlib.import_module(f"mqn.cli.{name}").register(own)
    command = get_group(own).commands[name]
    refuse_urls(command)
    return command
