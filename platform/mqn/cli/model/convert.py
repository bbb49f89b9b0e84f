"""`mqn convert`: use a model. LDR pictures and video in, HDR pictures and video out."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from mqn.cli import output
from mqn.cli.options import Json
from mqn.errors import MqnError, UsageError

if TYPE_CHECKING:
    from mqn.hdr.io.ultra_hdr import GainMapOptions
    from mqn.infer.picture import Expander
    from mqn.media.pictures import PictureOptions
    from mqn.media.video import VideoOptions

DEFAULT_TILE = 1440  # `mqn.infer.picture.TILE`, which is not imported for `--help`
PRIMARIES = ("bt709", "bt2020")
INPUT_PRIMARIES = ("srgb", "p3")
GAIN_MAP_CHANNELS = (1, 3)
GAIN_MAP_SCALES = (1, 2, 4)

EXAMPLE = "mqn convert photo.jpg --output photo_hdr.jpg"


def convert(
    source: Annotated[Path, typer.Argument(metavar="IMAGE|DIR|VIDEO", help="A picture, a folder of them, or a video.")],
    out: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="Picture: .hdr, .exr, .pfm, .tif, or .jpg for Ultra HDR (of JPEG pictures). Folder: a folder. Video: "
            ".mp4, .mov or .mkv for HDR10, a folder or a pattern (shot_%05d.exr) for OpenEXR files.",
        ),
    ],
    model: Annotated[
        Path | None,
        typer.Option("--model", help="A bundle, or a folder that `mqn export` wrote. Else: the one in the box."),
    ] = None,
    suffix: Annotated[str, typer.Option(help="Kind of the files written for a folder.")] = ".exr",
    primaries: Annotated[
        str, typer.Option(help="Of OpenEXR files: bt709 or bt2020, stated in each. HDR10 is BT.2020.")
    ] = "bt709",
    peak_nits: Annotated[
        float, typer.Option(help="cd/m2 of the brightest light; where a model gives gains, white is 203.")
    ] = 1000.0,
    tile: Annotated[
        int, typer.Option(help="Pictures of more than TILE x TILE pixels go in tiles of that side, to bound memory.")
    ] = DEFAULT_TILE,
    damp: Annotated[float, typer.Option(help="Video: damp flicker with this time constant in seconds.")] = 0.0,
    input_transfer: Annotated[
        str, typer.Option(help="Video: how code values stand for light: auto (its tag, else BT.1886), bt1886 or srgb.")
    ] = "auto",
    input_primaries: Annotated[
        str, typer.Option(help="Pictures without a colour profile: srgb, or p3 for base pictures of Ultra HDR files.")
    ] = "srgb",
    crf: Annotated[float, typer.Option(help="HDR10: x265's rate factor, 0 (best) to 51.")] = 16.0,
    preset: Annotated[str, typer.Option(help="HDR10: x265's preset, ultrafast to veryslow.")] = "medium",
    audio: Annotated[bool, typer.Option(help="HDR10: copy the sound.")] = True,
    from_gain_map: Annotated[
        bool,
        typer.Option("--from-gain-map", help="Of Ultra HDR pictures: take their own HDR picture, without a model."),
    ] = False,
    overwrite_gain_map: Annotated[
        bool, typer.Option("--overwrite-gain-map", help="Ultra HDR: replace a gain map that the picture has already.")
    ] = False,
    gain_map_channels: Annotated[
        int, typer.Option(help="Ultra HDR: 1 for luminance, which keeps hues; 3 for red, green and blue.")
    ] = 1,
    gain_map_quality: Annotated[
        int, typer.Option(help="Ultra HDR: of the gain map's JPEG, 1 to 100.", min=1, max=100)
    ] = 98,
    gain_map_scale: Annotated[
        int | None,
        typer.Option(
            help="Ultra HDR: the gain map's sides are 1 / SCALE of the picture's: 1, 2 or 4. Default: 1; with a model "
            "that gives gains, a megapixel at most."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Reconstruct HDR pictures and video at their own resolution.

    What is interrupted goes on where it was when the same command is given again. In a folder, files that cannot be
    read are named and left out; finished ones are not made again.
    """
    from mqn.hdr.io.ultra_hdr import ULTRA_HDR_SUFFIXES
    from mqn.media.pictures import PictureOptions
    from mqn.media.video import VideoOptions

    if primaries not in PRIMARIES:
        raise UsageError(f"--primaries {primaries!r}; allowed: {', '.join(PRIMARIES)}")
    if input_primaries not in INPUT_PRIMARIES:
        raise UsageError(f"--input-primaries {input_primaries!r}; allowed: {', '.join(INPUT_PRIMARIES)}")
    pictures = _pictures(source, out, suffix, primaries)
    gain_map = None
    if pictures is not None and (suffix if source.is_dir() else out.suffix).lower() in ULTRA_HDR_SUFFIXES:
        gain_map = _gain_map(gain_map_channels, gain_map_quality, gain_map_scale, overwrite_gain_map)
    if from_gain_map:
        _require_no_model(model, source, is_video=pictures is None, is_ultra_hdr=gain_map is not None)
        expander, identity = None, {"gain map": "applied"}
    else:
        expander, identity = _open(model, tile, peak_nits)
    if pictures is not None:
        how = PictureOptions(
            colours=primaries,
            white_nits=peak_nits,
            input_primaries=cast("Literal['srgb', 'p3']", input_primaries),
            gain_map=gain_map,
        )
        document = _convert_pictures(source, out, pictures, suffix, expander, identity, how)
    elif expander is not None:
        options = VideoOptions(
            peak_nits=peak_nits,
            damp_seconds=damp,
            transfer=input_transfer,
            colours=primaries,
            crf=crf,
            preset=preset,
            sound=audio,
        )
        document = _convert_video(source, out, expander, identity, options)
    if json:
        output.document(document)
    else:
        # A sequence may have thousands of files.
        for name in document["written"][:1] if pictures is None else document["written"]:
            output.line(output.in_line(name))
    for reason in document["failures"].values():
        output.error(output.in_line(reason))
    if document["failures"]:
        raise typer.Exit(1)


def _pictures(source: Path, out: Path, suffix: str, primaries: str) -> list[Path] | None:
    """The pictures to convert; None for a video."""
    from mqn.hdr.io.files import HDR_SUFFIXES, LDR_SUFFIXES
    from mqn.media.pictures import folder_pictures, left_out, require_writable

    if source.is_dir():
        require_writable(suffix, primaries)
        videos, unread, closed = left_out(source, out)
        if videos:
            output.note(f"videos in {source} are left out, give each by itself: {_first(videos)}")
        if unread:
            output.note(f"pictures in {source} of kinds that are not read are left out: {_first(unread)}")
        if closed:
            output.note(f"folders in {source} that cannot be listed are left out: {_first(closed)}")
        return folder_pictures(source, out, suffix)
    if not source.exists():
        raise UsageError(f"no picture at {source}; give a picture, a folder of them, or a video")
    kind = source.suffix.lower()
    if kind in LDR_SUFFIXES:
        require_writable(out.suffix or out.name, primaries)
        return [source]
    if kind in HDR_SUFFIXES:
        raise UsageError(f"{source} is HDR already by its suffix; give {', '.join(LDR_SUFFIXES)} or a video")
    return None


def _gain_map(channels: int, quality: int, scale: int | None, replace: bool) -> GainMapOptions:
    from mqn.hdr.io.ultra_hdr import GainMapOptions

    if channels not in GAIN_MAP_CHANNELS:
        raise UsageError(f"--gain-map-channels {channels}; allowed: 1, 3")
    if scale not in (None, *GAIN_MAP_SCALES):
        raise UsageError(f"--gain-map-scale {scale}; allowed: 1, 2, 4")
    return GainMapOptions(
        channels=cast("Literal[1, 3]", channels),
        quality=quality,
        scale=cast("Literal[1, 2, 4] | None", scale),
        replace=replace,
    )


def _require_no_model(model: Path | None, source: Path, *, is_video: bool, is_ultra_hdr: bool) -> None:
    if model is not None:
        raise UsageError(f"--from-gain-map takes the picture's own HDR; leave out --model {model}")
    if is_video:
        raise UsageError(f"--from-gain-map is for Ultra HDR pictures (.jpg); {source} is none")
    if is_ultra_hdr:
        raise UsageError("--from-gain-map takes an Ultra HDR file apart; write .exr, .hdr, .pfm or .tif")


def _open(model: Path | None, tile: int, peak_nits: float) -> tuple[Expander, dict[str, Any]]:
    """The model, and what identifies its results."""
    from mqn.hdr.io.ultra_hdr import WHITE_NITS
    from mqn.infer.default import FOLDER
    from mqn.infer.exported import open_exported
    from mqn.infer.picture import Expander

    exported = open_exported(model or FOLDER)
    threads, white = os.cpu_count() or 1, WHITE_NITS / peak_nits
    expander = Expander(exported.files, exported.codec, threads=threads, tile=tile, white=white)
    return expander, {"files": {file.name: exported.manifest.files[file.name] for file in exported.files}, "tile": tile}


def _first(files: list[Path]) -> str:
    return ", ".join(output.in_line(file.name) for file in files[:10]) + (
        f", ... ({len(files)} in all)" if len(files) > 10 else ""
    )


def _convert_pictures(
    source: Path,
    out: Path,
    pictures: list[Path],
    suffix: str,
    expander: Expander | None,
    model: dict[str, Any],
    options: PictureOptions,
) -> dict[str, Any]:
    from mqn.hdr.decoding.notes import grouped
    from mqn.media.pictures import PictureReport, convert_folder, convert_picture

    expand, fit = (None, None) if expander is None else (expander.expand, expander.fitted)
    if expander is None or not expander.gives_gains or not options.gain_map or options.gain_map.scale is not None:
        fit = None
    with output.progress() as bar:
        task = bar.add_task("converting", total=len(pictures))
        if not source.is_dir():
            notes = convert_picture(source, out, expand, options, fit)
            report = PictureReport(written=[out], notes={str(source): notes} if notes else {})
        else:
            report = convert_folder(
                pictures,
                source,
                out,
                suffix,
                expand,
                model=model,
                options=options,
                fit=fit,
                advance=lambda path: bar.update(task, advance=1, description=f"converting {path.name}"),
            )
    if report.skipped:
        output.note(f"{len(report.skipped)} of {len(pictures)} were finished before and left as they are")
    for told in grouped(report.notes):
        output.note(output.in_line(told))
    return asdict(report)


def _convert_video(
    source: Path, out: Path, expander: Expander, model: dict[str, Any], options: VideoOptions
) -> dict[str, Any]:
    from mqn.media.video import convert_video

    with output.progress() as bar:
        task = bar.add_task(f"converting {source.name}", total=None)
        try:
            report = convert_video(
                source,
                out,
                expander.expand,
                model=model,
                options=options,
                advance=lambda done, of: bar.update(task, completed=done, total=of or None),
            )
        except (KeyboardInterrupt, MqnError):
            begun = bar.tasks[task].completed > 0
            bar.stop()
            if begun:
                output.note("frames that are finished are kept; the same command goes on from there")
            raise
    for note in report.notes:
        output.note(note)
    flicker = report.flicker
    damped = f", damped {flicker.after:.4f}" if flicker.damping_seconds else ""
    output.note(
        f"{report.frames} frames ({report.resumed} from before), {flicker.cuts} cuts; "
        f"flicker {flicker.before:.4f}{damped} (mean change of log10 gain a frame)"
    )
    return {
        "written": [str(path) for path in report.written],
        "failures": {str(source): "; ".join(report.failures)} if report.failures else {},
        "frames": report.frames,
        "resumed": report.resumed,
        "flicker": flicker,
        "light_nits": report.light,
        "notes": report.notes,
    }
