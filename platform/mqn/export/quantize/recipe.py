"""Schemes of operators -> ai-edge-quantizer recipe: rules of a scope (regex on output names) and a configuration."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from mqn.export.quantize.schemes import CONFIGS
from mqn.tflite.flatbuffer import Network


def build_recipe(network: Network, schemes: Sequence[str]) -> list[dict[str, Any]]:
    """Write the recipe of a whole float network; `schemes` has the scheme of every operator.

    Returns:
        Rules as ai-edge-quantizer reads them (its JSON form); none where all stays float32. Inputs and outputs of the
        file stay float32 under every scheme.
    """
    names = [network.tensors[operator.outputs[0]].name for operator in network.operators]
    rules = []
    for scheme in dict.fromkeys(schemes):
        if scheme == "float32":
            continue
        own = [name for name, its in zip(names, schemes, strict=True) if its == scheme]
        other = [name for name, its in zip(names, schemes, strict=True) if its != scheme]
        algorithm, config = CONFIGS[scheme]
        rules.append(_rule(scope(own, other), "*", algorithm, config))
    edges = [_rule(".*", operation, "no_quantize", {}) for operation in ("INPUT", "OUTPUT")]
    return rules + edges if rules else []


def _rule(regex: str, operation: str, algorithm: str, config: dict[str, Any]) -> dict[str, Any]:
    return {"regex": regex, "operation": operation, "algorithm_key": algorithm, "op_config": config}


def scope(own: Sequence[str], other: Sequence[str]) -> str:
    """A regex that finds some operators by the names of their outputs, and none of the others.

    Args:
        own: output names of those that it is to find.
        other: those of all others.

    Returns:
        The folders that the names start with where the others have none of them (`^(?:backbone)[/;]`), else all names.
    """
    folders, others = {name.split("/")[0] for name in own}, {name.split("/")[0] for name in other}
    if not folders & others:
        return f"^(?:{'|'.join(map(re.escape, sorted(folders)))})[/;]"
    return f"^(?:{'|'.join(map(re.escape, sorted(own)))});"
