"""`mqn doctor --family NAME`: does a family of networks keep the contract, and can it be exported."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from mqn.cli import output
from mqn.errors import MqnError

if TYPE_CHECKING:
    from mqn.families.contract import Family


def check_family(name: str, *, json: bool) -> None:
    """Run the contract suite and one conversion, and print a table of checks; exits 1 if one fails.

    Args:
        name: a family, or `package.module:NAME`.
        json: whether a document is printed instead.

    Raises:
        UsageError: there is no such family.
    """
    from mqn.families.contract import find_family
    from mqn.models.family_suite import Finding, run_checks

    family = find_family(name)
    findings = run_checks(family)
    if all(finding.passed for finding in findings):
        try:
            findings.append(Finding(check="export", passed=True, detail=_export(family)))
        except MqnError as error:
            findings.append(Finding(check="export", passed=False, detail=str(error)))
    else:
        findings.append(Finding(check="export", passed=False, detail="not tried while other checks fail"))
    if json:
        output.document({"family": name, "checks": findings})
    else:
        rows = [[finding.check, "ok" if finding.passed else "NO", finding.detail] for finding in findings]
        output.table(["check", "", "what was found"], rows, title=f"{name}: {family.title}")
    if not all(finding.passed for finding in findings):
        raise typer.Exit(1)


def _export(family: Family) -> str:
    """Convert a network of random weights to a float TFLite file; the converter checks that it computes the same."""
    from mqn.export.process import run
    from mqn.models.family_suite import save_sample

    with tempfile.TemporaryDirectory(prefix="mqn-family-") as folder:
        checkpoint = Path(folder) / "checkpoint.pt"
        save_sample(family, checkpoint)
        size = Path(run("convert", checkpoint=checkpoint, directory=Path(folder) / "float")).stat().st_size
    return f"a float TFLite file of {size / 1e6:.1f} MB computes the same"
