"""`mqn describe`: a network's layers, parameters, MACs and the names where a plan may cut it; the metrics there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from mqn.cli import output
from mqn.cli.options import Json, Settings, parse_candidate
from mqn.quantities import QUANTITIES

if TYPE_CHECKING:
    from mqn.families.contract import Family
    from mqn.networks.cost import Cost

EXAMPLE = "mqn describe --set arch.family=expandnet --cuts"


def describe(
    settings: Settings = None,
    layers: bool = typer.Option(False, "--layers", help="List every layer."),
    cuts: bool = typer.Option(False, "--cuts", help="List every name where a plan may cut (plan.cut)."),
    metrics: bool = typer.Option(
        False, "--metrics", help="List every metric instead: name, unit, which way is better."
    ),
    json: Json = False,
) -> None:
    """A network: parameters and multiply-accumulates of backbone and head, and where a plan may cut it."""
    if metrics:
        _show_metrics(json=json)
        return
    from mqn.networks.cost import cost, pair_cuts
    from mqn.networks.cost import cuts as find_cuts

    candidate = parse_candidate(settings)
    arch, family = candidate.arch, candidate.family
    model = family.build(arch)  # Counting needs the structure alone: no weights are fetched for it.
    counted = cost(model, arch)
    names, into_two_files = find_cuts(model, arch), pair_cuts(model, arch)
    if json:
        output.document(
            {
                "arch": arch,
                "parameters": counted.parameters,
                "macs": counted.macs,
                "cuts": names,
                "pair_cuts": into_two_files,
                "layers": counted.layers,
            }
        )
        return
    rows = [
        [side, f"{counted.parameters[side]:,}", f"{counted.macs[side] / 1e9:.4f}"]
        for side in ("backbone", "head", "total")
    ]
    output.line(_about(family))
    output.table(["", "parameters", f"GMAC at {arch.input_size} x {arch.input_size}"], rows)
    if layers:
        _show_layers(counted)
    if cuts:
        output.table(
            ["plan.cut", "into two files"], [[name, "yes" if name in into_two_files else ""] for name in names]
        )
        return
    output.line(
        f"A plan may cut at {len(names)} names, {len(into_two_files)} of which separate the network into two files "
        "(plan.layout=pair)."
    )
    output.line(f"The default is 'interface', what {family.cut} puts out. All of them: mqn describe --cuts")


def _about(family: Family) -> str:
    """What a candidate of the family may ask for, in a line."""
    parts = {
        "output": " or ".join(family.codecs),
        "weights": ", ".join(f"arch.{name}" for name in family.weight_fields) or "none to load",
        "frozen at first": family.frozen or "nothing",
        "pruning": "none" if family.narrowable is None else "plan.sparsity",
        "published tables": ", ".join(family.paper.tables) if family.paper else "none",
    }
    return f"{family.title} ({family.name}): " + "; ".join(f"{name}: {value}" for name, value in parts.items())


def _show_layers(counted: Cost) -> None:
    output.table(
        ["layer", "output", "parameters", "MACs"],
        [
            [layer.name, " x ".join(map(str, layer.output)), f"{layer.parameters:,}", f"{layer.macs:,}"]
            for layer in counted.layers
        ],
    )


def _show_metrics(*, json: bool) -> None:
    if json:
        output.document({"metrics": list(QUANTITIES.values())})
        return
    output.table(
        ["metric", "what it says", "unit", "better"],
        [
            [name, found.label, found.unit, "higher" if found.direction == "maximize" else "lower"]
            for name, found in QUANTITIES.items()
        ],
    )
    output.line("Latencies and memories of one device of several: METRIC/DEVICE, for example latency_ms/board")
