"""`mqn search --submit`: the search runs on a cluster, and goes on when this machine is switched off."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import typer

from mqn.cli import output

_FAILED = 1


def submit_search(context: typer.Context, url: str, profile: str, *, json: bool) -> None:
    """Submit this search to a cluster and show what it prints. Ctrl-C leaves it running.

    Args:
        context: of the command, as it was typed.
        url: of the cluster's job server.
        profile: the runner profile, by name or path.
        json: whether a document is wanted.
    """
    from mqn.profile import load_profile
    from mqn.search.engine.submission import submit_driver

    words, files = describe(context, leave_out=("submit", "json"))
    driver = submit_driver(url, load_profile(profile), words, files)
    output.note(f"submitted as {driver.id}; it runs on the cluster, also when this machine is switched off")
    output.note(f"follow it with: {driver.follow_command}")
    output.note(f"stop it with: {driver.stop_command}")
    try:
        state = driver.follow(lambda text: print(text, end="", file=sys.stderr))  # noqa: T201 - as the driver printed it
    except KeyboardInterrupt:
        output.note(f"the search goes on as {driver.id}")
        raise typer.Exit(130) from None
    if json:
        output.document({"job": driver.id, "address": url, "state": state})
    if state != "SUCCEEDED":
        output.note(f"the job ended as {state}")
        raise typer.Exit(_FAILED)


def describe(context: typer.Context, *, leave_out: tuple[str, ...]) -> tuple[list[str], dict[str, Path]]:
    """The words of a command as it was typed, for another machine.

    Args:
        context: of the command.
        leave_out: names of parameters that are not passed on.

    Returns:
        The words, and the TOML files that stand among them: by the names that the words have for them.
    """
    words, files = [str(context.info_name)], dict[str, Path]()
    for parameter in context.command.params:
        name = parameter.name or ""
        if name in leave_out or _is_default(context, name):
            continue
        value = context.params[name]
        values = value if isinstance(value, (list, tuple)) else [value]
        for one in values:
            words += _words(parameter, _carry(one, files))
    return words, files


def _carry(value: Any, files: dict[str, Path]) -> Any:
    """The name of a TOML file in place of its path, and the file noted; anything else as it is."""
    path = Path(value) if isinstance(value, str) and value.endswith(".toml") else None
    if path is None or not path.is_file():
        return value
    name = path.name
    while name in files and files[name] != path:
        name = f"other-{name}"
    files[name] = path
    return name


def _is_default(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is None or source.name.startswith("DEFAULT")


def _words(parameter: Any, value: Any) -> list[str]:
    if parameter.param_type_name == "argument":
        return [str(value)]
    if parameter.is_flag:
        return [parameter.opts[0]] if value else []
    return [parameter.opts[0], str(value)]
