"""`mqn export`: from a checkpoint to quantized TFLite files, and what such files really are."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mqn.cli import output
from mqn.cli.model.export_sensitivity import rank_layers
from mqn.cli.model.export_suggest import BUDGET, show_times, suggest_export, time_schemes
from mqn.cli.model.export_tune import keep_tuning, tune_plan
from mqn.cli.options import Data, Json, PlanSettings, StoreProfile, open_store, parse_model, parse_plan
from mqn.errors import UsageError
from mqn.parsing import to_plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqn.export.quantize.audit import Audit
    from mqn.records import Plan

EXAMPLE = "mqn export run/checkpoint.pt --output model --set plan.head=float32 --data photos"


def export(
    source: Annotated[
        str,
        typer.Argument(
            help="A training's checkpoint.pt, or its folder; `expandnet:FILE` or `lhdr:FILE` for published weights; "
            "with --audit also any .tflite file, or an export's folder."
        ),
    ],
    out: Annotated[Path | None, typer.Option("--output", "-o", help="Folder to write to.")] = None,
    data: Data = None,
    settings: PlanSettings = None,
    audit: Annotated[
        bool,
        typer.Option("--audit", help="Say what the files are: types, what the delegate takes, conversions, bytes."),
    ] = False,
    sensitivity: Annotated[
        bool,
        typer.Option(
            "--sensitivity",
            help="Quantize one layer at a time and rank them by what they cost, instead of exporting; "
            "--output gets sensitivity.json and sensitivity.png.",
        ),
    ] = False,
    suggest: Annotated[
        bool,
        typer.Option(
            "--suggest",
            help="Suggest plans from fast to accurate, each exported and checked; --output gets space.toml, which "
            "`mqn search` starts from, suggestion.json and suggestion.png.",
        ),
    ] = False,
    budget: Annotated[
        float | None,
        typer.Option(
            help=f"With --suggest: PSNR-TM in dB that a plan may lose. Default: {BUDGET:g}.", show_default=False
        ),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            help="Time each side under each scheme on this device of the profile, a minute or two. With --audit of a "
            "checkpoint: say which scheme is fastest there. With --suggest: choose by that; its default is rates of "
            "one x86-64 processor.",
            show_default=False,
        ),
    ] = None,
    tune: Annotated[
        str | None,
        typer.Option(
            "--tune",
            metavar="DEVICE",
            help="Choose plan.lowering by timing on this device of the profile, in two minutes at most; --output gets "
            "tuning.json too. What was found is kept.",
        ),
    ] = None,
    profile: StoreProfile = "default",
    json: Json = False,
) -> None:
    """Convert a trained network once and quantize it as a plan says; a further plan does not convert again."""
    _refuse_together({"--audit": audit, "--sensitivity": sensitivity, "--suggest": suggest})
    _refuse_together({"--tune": tune is not None, "--sensitivity": sensitivity, "--suggest": suggest})
    if budget is not None and not suggest:
        raise UsageError("--budget says what a suggested plan may lose; give --suggest too, or leave it out")
    if device is not None and not (suggest or audit):
        raise UsageError("--device says where schemes are timed; give --suggest or --audit too, or leave it out")
    path = parse_model(source, "checkpoint or model")
    if path.is_dir() or path.suffix == ".tflite" or (audit and out is None and path.suffix != ".pt"):
        if not audit:
            raise UsageError(f"{source} is exported already; give a checkpoint.pt, or --audit to look at it")
        if device is not None:
            raise UsageError(f"{source} is quantized already; --device times schemes of a checkpoint.pt")
        lowering = _lowering(path)
        _show(lowering, _audits(path), json=json)
        if lowering and not json:
            output.line(f"rewrites: {', '.join(lowering['lowering']) or 'none'}")
        return
    if sensitivity:
        rank_layers(path, parse_plan(settings), data, out, open_store(profile), json=json)
        return
    if suggest:
        suggest_export(path, settings, data, out, BUDGET if budget is None else budget, profile, device, json=json)
        return
    if out is None:
        raise UsageError("--output is missing; name a folder for the model's files")
    plan = parse_plan(settings)
    if tune is not None and plan.lowering != "auto":
        raise UsageError("--tune chooses plan.lowering; leave --set plan.lowering out, or --tune")
    _export(path, plan, data, out, tune, profile, audit=audit, device=device, json=json)


def _export(
    path: Path,
    plan: Plan,
    data: str | None,
    out: Path,
    tune: str | None,
    profile: str,
    *,
    audit: bool,
    device: str | None,
    json: bool,
) -> None:
    from mqn.infer.exported import check_target

    check_target(out)  # Before minutes are spent on what has no place to go.
    from mqn.data.location import locate
    from mqn.search.checkpoint import export_checkpoint

    dataset, store = locate(data), open_store(profile)
    tuning = None if tune is None else tune_plan(path, plan, dataset, store, tune, profile, json=json)
    if tuning is not None:
        plan = tuning.tuned(plan)
    with output.spinner("preparing") as spinner:
        exported = export_checkpoint(path, plan, dataset, out, store, tell=lambda step: spinner.update(f"{step} ..."))
    keep_tuning(out, tuning)
    audits = _audits(exported.folder) if audit else ()
    if not json:
        for file in exported.files:
            output.line(f"{file}: {file.stat().st_size:,} bytes")
        output.line(_distance(exported.manifest.details))
        if "tuning" in exported.manifest.details:
            output.line(_tuning(exported.manifest.details["tuning"]))
    found = {} if tuning is None else {"tuned_for": to_plain(tuning)}
    times = None if device is None else time_schemes(path, plan, dataset, store, profile, device)
    if times is not None:
        found["schemes"] = to_plain(times)
    _show({**to_plain(exported.manifest), **found}, audits, json=json)
    if times is not None and not json:
        show_times(times, BUDGET)
    if not json:
        output.line(f"next: mqn score {exported.folder}   and   mqn measure {exported.folder}")


def _refuse_together(asked: dict[str, bool]) -> None:
    """Refuse options that ask for different results."""
    given = [name for name, is_given in asked.items() if is_given]
    if len(given) > 1:
        raise UsageError(f"{given[0]} and {given[1]} are two questions; ask one at a time")


def _distance(details: dict[str, Any]) -> str:
    """How far a model is from its float network, on training pictures."""
    parity = details["parity"]
    found, features = parity["output"], parity["interface"]
    same = "output the same" if found["psnr"] is None else f"output {found['psnr']:.1f} dB PSNR"
    return (
        f"{details['plan']}, against the float network on {parity['pictures']} training pictures: {same}, "
        f"features at the cut {100 * features['relative_rms']:.2f} % off"
    )


def _tuning(kept: dict[str, Any]) -> str:
    """Which of the weights that fine-tuning came by are in the file."""
    if not kept["step"]:
        return "fine-tuning came to nothing better than calibration alone: the weights are those of method ptq"
    return f"fine-tuned: the weights of step {kept['step']}, at {100 * kept['loss']:.0f} % of the error before"


def _lowering(path: Path) -> dict[str, Any]:
    """What the manifest beside a model says of its rewrites, and for which device; nothing where there is none."""
    from mqn.infer.exported import MANIFEST, open_exported

    if not (path / MANIFEST).is_file():
        return {}
    details = open_exported(path).manifest.details
    return {name: details[name] for name in ("tuned_for", "lowering") if name in details}


def _audits(path: Path) -> tuple[Audit, ...]:
    from mqn.export.quantize.audit import audit_file
    from mqn.infer.exported import model_files

    return tuple(audit_file(file) for file in model_files([path]))


def _show(document: dict[str, Any], audits: Sequence[Audit], *, json: bool) -> None:
    if json:
        output.document({**document, **({"audit": audits} if audits else {})})
    else:
        _print_audits(audits)


def _print_audits(audits: Sequence[Audit]) -> None:
    """Print one block a file."""
    for audit in audits:
        output.table(
            ["operator", "input", "weights", "output", "count", "in the delegate"],
            [
                [kind.kind, kind.inputs, kind.weights, kind.outputs, f"{kind.count}", f"{kind.delegated}"]
                for kind in audit.kinds
            ],
            title=f"{audit.file}: {audit.size_bytes:,} bytes",
        )
        output.line(
            f"XNNPACK takes {audit.delegated} of {audit.operators} operators in "
            f"{audit.partitions} partition{'' if audit.partitions == 1 else 's'}; left outside: {_outside(audit)}"
        )
        output.line(
            f"conversions: {audit.quantize} from float to integers, {audit.dequantize} back, "
            f"{audit.requantize} from integers to integers of another scale"
        )
        stored = ", ".join(f"{kind} {count:,}" for kind, count in audit.bytes_by_kind.items())
        output.line(f"bytes: {stored}")


def _outside(audit: Audit) -> str:
    counted = Counter(operator.kind for operator in audit.outside)
    return ", ".join(f"{count} {kind}" for kind, count in counted.most_common()) or "none"
