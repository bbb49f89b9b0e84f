"""`mqn describe`: a network's layers, parameters, MACs and the names where a plan may cut it."""

from __future__ import annotations

import typer

from mqn.cli import output
from mqn.cli.options import Json, Settings, parse_candidate


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("describe", epilog="Example: mqn describe --set arch.attention=none --set arch.width=0.5")(describe)


def describe(
    settings: Settings = None,
    layers: bool = typer.Option(False, "--layers", help="List every layer."),
    json: Json = False,
) -> None:
    """A network: parameters and multiply-accumulates of backbone and head, and where a plan may cut it."""
    from dataclasses import replace

    from mqn.models.cost import cost, cuts, pair_cuts
    from mqn.models.mqn import build

    arch = parse_candidate(settings).arch
    # Counting needs the structure alone: no weights are fetched for it.
    model = build(replace(arch, encoder_weights="random"))
    counted = cost(model, arch.input_size)
    names, into_two_files = cuts(model), pair_cuts(model)
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
    output.table(["", "parameters", f"GMAC at {arch.input_size} x {arch.input_size}"], rows)
    if layers:
        output.table(
            ["layer", "output", "parameters", "MACs"],
            [
                [layer.name, " x ".join(map(str, layer.output)), f"{layer.parameters:,}", f"{layer.macs:,}"]
                for layer in counted.layers
            ],
        )
    output.line("a plan may cut at: " + ", ".join(names))
    output.line("into two files (plan.layout = pair) at: " + ", ".join(into_two_files))
