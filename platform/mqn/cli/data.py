"""`mqn data prepare|inspect`: datasets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mqn.cli import data_public, output
from mqn.cli.options import Json, Output


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Datasets: prepare a folder of HDR pictures, look at one.", no_args_is_help=True)
    group.command("prepare", epilog="Example: mqn data prepare photos --output photos-512")(prepare)
    group.command("inspect", epilog="Example: mqn data inspect photos-512 --output sheet.png")(inspect)
    data_public.register(group)
    app.add_typer(group, name="data")


def prepare(
    folder: Annotated[
        Path,
        typer.Argument(help="Folder of .hdr, .exr, .pfm or .tif pictures; a manifest.csv may name sources and splits."),
    ],
    out: Output,
    side: Annotated[int, typer.Option(help="Shorter side in pixels that pictures are brought down to.")] = 512,
    json: Json = False,
) -> None:
    """Decode a folder once into a dataset that trainings map into memory; names every file that cannot be used."""
    from mqn.data.prepare import prepare as run

    with output.progress() as bar:
        task = bar.add_task("decoding", total=None)

        def on_picture(done: int, total: int, name: str) -> None:
            bar.update(task, completed=done, total=total, description=f"decoding {name}")

        report = run(folder, out, side=side, progress=on_picture)
    if json:
        output.document(report)
        return
    for file, reason in report.skipped:
        output.line(f"left out: {file}: {reason}")
    counts = ", ".join(f"{count} {split}" for split, count in report.counts.items())
    output.line(f"{out}: {counts}; {len(report.skipped)} files left out")


def inspect(
    data: Annotated[
        str | None, typer.Argument(help="Folder of pictures or prepared dataset. Default: procedural scenes.")
    ] = None,
    out: Annotated[Path, typer.Option("--output", "-o", help="Contact sheet to write (.png).")] = Path(
        "contact-sheet.png"
    ),
    json: Json = False,
) -> None:
    """Counts, dynamic range and a contact sheet of a dataset."""
    from mqn.data.dataset import locate
    from mqn.data.inspect import inspect as run

    summary = run(locate(data), out)
    if json:
        output.document(summary)
        return
    from mqn.parsing import flatten, to_plain

    output.table(["", ""], [[key, str(value)] for key, value in flatten(to_plain(summary)).items()])
    output.line(f"contact sheet: {out}")
