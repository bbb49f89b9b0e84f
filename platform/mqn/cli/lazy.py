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

    def __init__(self, name: str, folder: str, line: str) -> None:
        """Remember what `mqn --help` shows.

        Args:
            name: the command's name.
            folder: the folder of `mqn.cli` in which the file of this name holds it.
            line: what it does, in one line.
        """
        super().__init__(name, help=line, rich_markup_mode=MARKUP)
        self._folder = folder

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Import the command, and let it read its own words."""
        return load(str(self.name), self._folder).make_context(info_name, args, parent=parent, **extra)


def load(name: str, folder: str) -> Any:
    """The command itself.

    Args:
        name: as in `mqn NAME`.
        folder: the file `mqn.cli.FOLDER.NAME` holds a function of this name and its `EXAMPLE`, or registers a group;
            hyphens of the name are underscores there.

    Returns:
        A command or a group, as Typer runs it.
    """
    own = typer.Typer(rich_markup_mode=MARKUP, context_settings=SETTINGS, add_completion=False)
    word = name.replace("-", "_")
    module = importlib.import_module(f"mqn.cli.{folder}.{word}")
    if hasattr(module, "EXAMPLE"):
        own.command(name, epilog=f"Example: {module.EXAMPLE}")(getattr(module, word))
    else:
        module.register(own)
    command = get_group(own).commands[name]
    refuse_urls(command)
    return command
