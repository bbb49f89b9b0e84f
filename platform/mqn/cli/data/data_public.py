"""`mqn data list|fetch`: the public datasets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mqn.cli import output
from mqn.cli.options import Json

_HOW = {"hand": "by hand", "table": "form, then fetch"}


def register(group: typer.Typer) -> None:
    """Add the commands to `mqn data`."""
    group.command("list", epilog="Example: mqn data list")(show)
    group.command("fetch", epilog="Example: mqn data fetch ward --output ward")(fetch)


def show(json: Json = False) -> None:
    """The public datasets: how many pictures, how large, under which licence, and how they are had."""
    from mqn.data.public.catalogue import load
    from mqn.data.public.fetch import default_folder, is_fetched
    from mqn.parsing import to_plain

    datasets = load()
    fetched = {name: is_fetched(name) for name in datasets}
    if json:
        output.document(
            {
                "datasets": [
                    {
                        "name": name,
                        **to_plain(entry),
                        "fetched": fetched[name],
                        "folder": str(default_folder(name)) if fetched[name] else None,
                    }
                    for name, entry in datasets.items()
                ]
            }
        )
        return
    rows = [
        [
            name,
            str(entry.pictures or "-"),
            f"{entry.size_bytes / 1e9:.1f} GB" if entry.size_bytes else "-",
            entry.role or "-",
            _HOW.get(entry.access, "fetch"),
            "yes" if fetched[name] else "-",
            entry.licence,
        ]
        for name, entry in datasets.items()
    ]
    output.table(["name", "pictures", "size", "in the paper", "how", "fetched", "licence"], rows)


def fetch(
    name: Annotated[str, typer.Argument(help="A dataset's name; mqn data list shows them.")],
    source: Annotated[
        Path | None,
        typer.Option("--from", help="An archive (zip, tar) or folder that you have got yourself. Default: download."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder to fetch into. Default: below $MQN_HOME.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=16, help="Downloads side by side.")] = 4,
    json: Json = False,
) -> None:
    """Download a public dataset, or take in what you have got yourself, and write the manifest that `prepare` reads.

    Goes on where an earlier fetch ended. Checksums are compared with the publisher's where there are some, else with
    those of the first fetch, in fetched.json.
    """
    from mqn.data.public.fetch import fetch as run
    from mqn.parsing import to_plain

    with output.progress(of_bytes=True) as bar:
        task = bar.add_task(f"fetching {name}", total=None)

        def on_bytes(done: int, total: int | None, file: str) -> None:
            bar.update(task, completed=done, total=total, description=f"fetching {file or name}")

        try:
            outcome = run(name, source=source, output=out, progress=on_bytes, workers=workers)
        except KeyboardInterrupt:
            output.note("interrupted; what has arrived is kept: the same command goes on from there")
            raise
    if json:
        output.document({**to_plain(outcome), "shortfall": outcome.shortfall})
        return
    state = "was there already" if outcome.already else "fetched"
    pairs = f", {outcome.pairs} with LDR pictures of their camera" if outcome.pairs else ""
    output.line(f"{outcome.folder}: {state}: {outcome.pictures} HDR pictures of {outcome.sources} sources{pairs}")
    for reason in outcome.unusable:
        output.line(f"left out: {reason}")
    if outcome.shortfall:
        output.line(f"{outcome.shortfall} pictures fewer than the {outcome.expected} that {name} should have")
    output.line(f"licence: {outcome.licence}")
    output.line(f"next: mqn data prepare {outcome.folder} --output {name}-512")
