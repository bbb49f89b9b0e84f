"""Options and arguments that are paths take no URL: `s3://bucket/x` would become a folder of the name `s3:`."""

from __future__ import annotations

from typing import Any

from typer.models import TyperPath

from mqn.files.local_names import require_local


def refuse_urls(command: Any) -> None:
    """Have every path of a command, or of a group's commands, refused where it is a URL.

    What may be a URL (`--data`) is no path to the command line, and decided where it is opened.
    """
    for parameter in command.params:
        if isinstance(parameter.type, TyperPath):
            parameter.type = LocalPath(parameter.type)
    for below in getattr(command, "commands", {}).values():
        refuse_urls(below)


class LocalPath(TyperPath):
    """A path on this machine."""

    def __init__(self, given: TyperPath) -> None:
        """Check what another type checks, and that it is no URL."""
        super().__init__()
        self.__dict__.update(given.__dict__)

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Refuse a URL, and convert the rest.

        Raises:
            LocalNameError: it is a URL.
        """
        name = param.opts[0] if param is not None and param.opts else ""
        if isinstance(value, str):
            require_local(value, f"{name} " if name.startswith("-") else "")
        return super().convert(value, param, ctx)
