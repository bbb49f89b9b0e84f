"""`mqn convert`: use a model. LDR pictures in, HDR pictures out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from mqn.cli import output
from mqn.cli.options import Json
from mqn.errors import PictureError, UsageError

LDR_SUFFIXES = (".jpg", ".jpeg", ".png")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("convert", epilog="Example: mqn convert photo.jpg --model bundle --output photo.exr")(convert)


def convert(
    picture: Annotated[Path, typer.Argument(help="A JPEG or PNG picture, or a folder of them.")],
    model: Annotated[Path, typer.Option("--model", help="A bundle, or a folder that `mqn export` wrote.")],
    out: Annotated[Path, typer.Option("--output", "-o", help=".hdr, .exr, .pfm or .tif file; for a folder, a folder.")],
    suffix: Annotated[str, typer.Option(help="Kind of the files written for a folder.")] = ".exr",
    json: Json = False,
) -> None:
    """Reconstruct HDR pictures at their own resolution; a folder's unreadable files are named and left out."""
    from mqn.export.exported import open_exported
    from mqn.export.picture import Expander
    from mqn.hdr.files import HDR_SUFFIXES, read_ldr, write

    pairs = _pairs(picture, out, suffix)
    for _, target in pairs[:1]:
        if target.suffix.lower() not in HDR_SUFFIXES:
            raise UsageError(f"cannot write {target.suffix or target.name!r}; allowed: {', '.join(HDR_SUFFIXES)}")
    exported = open_exported(model)
    expander = Expander(exported.files, exported.codec, threads=os.cpu_count() or 1)
    written, failures = [], {}
    with output.progress() as bar:
        task = bar.add_task("converting", total=len(pairs))
        for source, target in pairs:
            try:
                hdr = expander.expand(read_ldr(source))
                target.parent.mkdir(parents=True, exist_ok=True)
                write(target, hdr)
                written.append(str(target))
            except PictureError as error:
                if not picture.is_dir():
                    raise
                failures[str(source)] = str(error)
            bar.update(task, advance=1, description=f"converting {source.name}")
    if json:
        output.document({"written": written, "failures": failures})
    else:
        for target_name in written:
            output.line(target_name)
    for reason in failures.values():
        output.error(reason)
    if failures:
        raise typer.Exit(1)


def _pairs(picture: Path, out: Path, suffix: str) -> list[tuple[Path, Path]]:
    if not picture.exists():
        raise UsageError(f"no picture at {picture}; give a JPEG or PNG file, or a folder of them")
    if not picture.is_dir():
        return [(picture, out)]
    sources = sorted(file for file in picture.rglob("*") if file.suffix.lower() in LDR_SUFFIXES)
    if not sources:
        raise UsageError(f"{picture} holds no {', '.join(LDR_SUFFIXES)} file")
    return [(source, out / source.relative_to(picture).with_suffix(suffix)) for source in sources]
