"""`mqn bundle verify|diff`: is a bundle whole, and does it run as it did; how do two differ."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mqn.cli import output
from mqn.cli.options import Json
from mqn.quantities import find_quantity

if TYPE_CHECKING:
    from mqn.report.bundle.review.differences import Beside, Differences

_SIGNS = {"ok": "ok", "failed": "FAILED", "lacks": "lacks"}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Bundles: is one whole, does it run as it did; how do two differ.", no_args_is_help=True)
    group.command("verify", epilog="Example: mqn bundle verify bundle")(verify)
    group.command("diff", epilog="Example: mqn bundle diff bundle other")(diff)
    app.add_typer(group, name="bundle")


def verify(
    folder: Annotated[Path, typer.Argument(help="A folder that `mqn select` wrote, wherever it was copied.")],
    json: Json = False,
) -> None:
    """Check a bundle's files and run its model on the picture that it carries; exit code 1 if anything failed."""
    from mqn.report.bundle.review.checks import check_bundle, passed

    checks = check_bundle(folder)
    well = passed(checks)
    if json:
        output.document({"bundle": folder, "passed": well, "checks": checks})
    else:
        wide = max(len(check.name) for check in checks)
        for check in checks:
            output.line(output.in_line(f"{_SIGNS[check.state]:<6} {check.name:<{wide}}  {check.said}"))
        output.line(f"{folder} {'is whole' if well else 'FAILED'}")
    if not well:
        raise typer.Exit(1)


def diff(
    first: Annotated[Path, typer.Argument(help="A bundle.")],
    second: Annotated[Path, typer.Argument(help="Another.")],
    json: Json = False,
) -> None:
    """How a second bundle differs from a first: candidate, figures with 95 % intervals, files, operators, output."""
    from mqn.report.bundle.review.differences import compare_bundles

    found = compare_bundles(first, second)
    if json:
        output.document({"first": first, "second": second, "differences": found})
        return
    for title, rows, empty in (
        ("candidate", found.candidate, "the same candidate"),
        ("files, in bytes", found.files, "the same files"),
        ("operators", found.operators, "the same operators"),
    ):
        _show(title, rows, empty)
    _show_figures(found)
    outputs = found.outputs
    if not outputs.compared:
        output.line(f"outputs not compared: {outputs.why}")
    elif outputs.same:
        output.line("the same output on the first bundle's picture, bit by bit")
    else:
        output.line(
            f"output on the first bundle's picture: {outputs.mean_stops:.4f} stops apart on average, "
            f"{outputs.most_stops:.3f} at most"
        )


def _show(title: str, rows: tuple[Beside, ...], empty: str) -> None:
    if not rows:
        output.line(empty)
        return
    output.table([title, "first", "second"], [[row.name, _text(row.first), _text(row.second)] for row in rows])


def _show_figures(found: Differences) -> None:
    rows = [
        [
            one.metric,
            _figure(one.metric, one.input),
            _figure(one.metric, one.input + one.difference),
            f"{one.difference:+.4f} ({one.low:+.4f} to {one.high:+.4f})",
            one.verdict,
        ]
        for one in found.scores
    ]
    if rows:
        output.table(["accuracy", "first", "second", "difference (95 %)", "second is"], rows)
    elif found.scores_beside:
        _show("accuracy, on other pictures each", found.scores_beside, "")
    else:
        output.line("no scores to compare")
    told = {True: "yes", False: "cannot be told", None: "-"}
    devices = [
        [
            one.device,
            one.figure,
            _ranged(one.first, one.first_range),
            _ranged(one.second, one.second_range),
            told[one.apart],
        ]
        for one in found.devices
    ]
    if devices:
        output.table(["device", "figure", "first (95 % range)", "second (95 % range)", "apart"], devices)
    else:
        output.line("no device measured both")


def _figure(metric: str, value: float) -> str:
    known = find_quantity(metric)
    return known.table_text(value) if known else f"{value:.4f}"


def _ranged(value: float, found: tuple[float, float] | None) -> str:
    return f"{value:.2f}" + (f" ({found[0]:.2f} to {found[1]:.2f})" if found else "")


def _text(value: Any) -> str:
    return "-" if value is None else str(value)
