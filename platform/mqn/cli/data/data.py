"""`mqn data prepare|inspect`: datasets."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from mqn.cli import output
from mqn.cli.data import data_public
from mqn.cli.options import Json


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Datasets: prepare a folder of HDR pictures, look at one.", no_args_is_help=True)
    group.command("prepare", epilog="Example: mqn data prepare photos --output photos-512")(prepare)
    group.command("inspect", epilog="Example: mqn data inspect photos-512 --output sheet.jpg")(inspect)
    data_public.register(group)
    app.add_typer(group, name="data")


def prepare(
    folder: Annotated[
        str,
        typer.Argument(
            help="Folder of .hdr, .exr, .pfm, .tif or raw (.dng, .nef, .cr2, .arw) pictures, or its URL "
            "(s3://bucket/prefix); a manifest.csv may name sources, splits and the camera's own LDR pictures."
        ),
    ],
    out: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            help="Folder or URL to write to. Parts are kept in .NAME.parts beside it (.parts in it, if a URL) until it "
            "is whole: run again what was interrupted, and it goes on.",
        ),
    ],
    side: Annotated[int, typer.Option(help="Shorter side in pixels that pictures are brought down to.")] = 512,
    workers: Annotated[
        int | None,
        typer.Option(help="Processes that decode. Default: one a processor; few pictures are decoded without others."),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(help="Ray cluster to decode on (auto, HOST:PORT); its machines must reach FOLDER and --output."),
    ] = None,
    json: Json = False,
) -> None:
    """Decode a folder once into a dataset that trainings map into memory; names every file that cannot be used."""
    from mqn.data.preparation.prepare import prepare as run
    from mqn.hdr.decoding.notes import grouped

    with _told() as on_picture:
        try:
            report = run(folder, out, side=side, workers=workers, address=address, progress=on_picture)
        except KeyboardInterrupt:
            output.note("interrupted; the pictures that are done are kept: the same command goes on from there")
            raise
    if json:
        output.document(report)
        return
    for told in grouped(report.notes):
        output.line(f"note: {told}")
    for file, reason in report.skipped:
        output.line(output.in_line(f"left out: {file}: {reason}"))
    counts = ", ".join(f"{count} {split}" for split, count in report.counts.items())
    inputs = sum(report.inputs.values())
    output.line(f"{report.folder}: {counts}; {inputs} camera inputs; {len(report.skipped)} files left out")


def inspect(
    data: Annotated[
        str | None, typer.Argument(help="Folder of pictures, prepared dataset or its URL. Default: procedural scenes.")
    ] = None,
    out: Annotated[
        Path, typer.Option("--output", "-o", help="Contact sheet to write (.jpg, .png, or .html with figures).")
    ] = Path("contact-sheet.jpg"),
    json: Json = False,
) -> None:
    """Counts, dynamic range and a contact sheet of a dataset."""
    from mqn.data.inspection.inspection import inspect as run
    from mqn.data.location import locate

    with _told() as on_picture:
        dataset = locate(data, progress=on_picture)
    summary = run(dataset, out)
    if json:
        output.document(summary)
        return
    from mqn.parsing import flatten, to_plain

    output.table(["", ""], [[key, str(value)] for key, value in flatten(to_plain(summary)).items()])
    output.line(f"contact sheet: {out}")


@contextlib.contextmanager
def _told() -> Iterator[Callable[[int, int, str], None]]:
    """A progress bar of pictures that are decoded, or MiB that are fetched."""
    with output.progress() as bar:
        task = bar.add_task("looking", total=None)

        def on_picture(done: int, total: int, name: str) -> None:
            bar.update(task, completed=done, total=total, description=name or "decoding")

        yield on_picture
