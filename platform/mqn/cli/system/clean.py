"""`mqn clean`: how big each part of `$MQN_HOME` is, and what of it can go."""

from __future__ import annotations

from typing import Annotated

import typer

from mqn.cli import output
from mqn.cli.options import Json
from mqn.home import home
from mqn.profile import load_profile

EXAMPLE = "mqn clean --yes"


def clean(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Remove it. Without this, nothing is removed.")] = False,
    profile: Annotated[
        list[str] | None,
        typer.Option(
            help="Runner profile whose database and artifacts are looked at: a name in runners/ or a .toml file. "
            "Repeat for several that share artifacts. Default: default.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Show how big each part of $MQN_HOME is, and what can go: artifacts of no study, caches, broken leftovers."""
    from rich.filesize import decimal

    from mqn.search.removal.cleaning import find_waste, parts, remove_waste

    settings = [load_profile(name) for name in profile or ["default"]]
    with output.spinner("looking"):
        found, waste = parts(), find_waste(settings)
    going = [one for one in waste if not one.stays]
    room = sum(one.size_bytes for one in going)
    freed = 0
    if yes:
        with output.progress() as bar:
            task = bar.add_task("removing", total=sum(len(one.paths) for one in going))
            freed = remove_waste(waste, settings, lambda count: bar.update(task, completed=count))
    if json:
        output.document({"home": home(), "parts": found, "waste": waste, "can_go_bytes": room, "freed_bytes": freed})
        return
    if not yes:
        rows = [[part.name, decimal(part.size_bytes), part.holds] for part in found]
        output.table(["part", "size", "holds"], rows, title=str(home()))
    rows = [[one.kind, str(len(one.paths)), decimal(one.size_bytes), one.stays or "can go"] for one in waste]
    if waste:
        output.table(["what can go", "number", "size", ""], rows)
    if yes:
        output.line(f"removed: {decimal(freed)}")
    elif room:
        output.line(f"{decimal(room)} can go; nothing was removed yet: mqn clean --yes")
    else:
        output.line("nothing can go now")
