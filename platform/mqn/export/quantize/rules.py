"""Which scheme each operator of a network gets: by the plan's two sides, its rules, and what there are kernels for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from mqn.errors import PlanError, nearest
from mqn.export.quantize.schemes import DYNAMIC_MIN_WEIGHTS, FALLBACK, WEIGHTED, has_kernel
from mqn.records import Plan
from mqn.tflite.cutting import OUTPUT, upstream
from mqn.tflite.facts import read_facts
from mqn.tflite.flatbuffer import Network

_EXACT = {"DIV": (1,), "GATHER": (0, 1)}
"""Inputs of operators that want more than 8 bits: divisors, tables and the places in them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Situation:
    """What decides whether an operator can have a scheme."""

    name: str
    kind: str
    weights: int
    is_table: bool
    in_norm: bool


def layer_name(network: Network, operator: Any) -> str:
    """The dotted name of what an operator computes: `body.block1.activation`."""
    name = network.tensors[operator.outputs[0]].name
    return read_facts(network).last_layer if name == OUTPUT else name.replace("/", ".")


def assign(network: Network, tensor: str, plan: Plan) -> list[str]:
    """The scheme of every operator.

    Args:
        network: the float network, whole.
        tensor: name of the interface tensor.
        plan: its sides and rules; later rules win.

    Returns:
        A scheme for each operator, in their order. Operators that their side's scheme has no kernel for, or that it
        would only slow down, have another one: 8-bit kernels in place of 4-bit ones, else float32.

    Raises:
        PlanError: no such tensor; a rule that matches nothing, or only operators that cannot have its scheme; a side
            of which nothing would be quantized.
    """
    before = upstream(network, tensor)
    norms, tables = normalizations(network), _tables(network)
    situations = [_look_at(network, operator, norms, tables) for operator in network.operators]
    asked = [plan.backbone if position in before else plan.head for position in range(len(situations))]
    ruled: set[int] = set()
    for pattern, scheme in plan.scheme_rules:
        found = _matching(pattern, situations)
        _check_rule(f"{pattern}={scheme}", scheme, [situations[position] for position in found])
        for position in found:
            asked[position] = scheme
        ruled.update(found)
    carried = [_carried(situation, scheme) for situation, scheme in zip(situations, asked, strict=True)]
    for position in islands(network, carried) - ruled:
        carried[position] = "float32"
    for label, scheme, side in (
        ("backbone", plan.backbone, before),
        ("head", plan.head, set(range(len(carried))) - before),
    ):
        if scheme.startswith("dynamic") and not side & ruled and all(carried[p] == "float32" for p in side):
            kernels = (situations[position] for position in side)
            largest = max((kernel.weights for kernel in kernels if not kernel.is_table), default=0)
            raise PlanError(
                f"{scheme} would leave the {label} at {tensor!r} in float: its largest kernel has {largest} weights, "
                f"fewer than {DYNAMIC_MIN_WEIGHTS}; set plan.{label}=float32"
            )
    return carried


def normalizations(network: Network) -> set[str]:
    """Output names of the operators that make up norms, divisions, look-ups and logarithms: all between convolutions.

    A static scheme leaves them in float. Variances, reciprocal roots and quotients want more than 8 bits, and the
    delegate has no 8-bit kernels for them: a head all in 8 bits is slower than one in float. A convolution whose output
    is divided by (of a partial convolution's mask) is left in float too, and so is one that makes a table: what is
    looked up is the picture, and the indices are exact. Before a logarithm small values count as much as large ones:
    what it is taken of is left in float as far back as the last convolution.
    """
    reached, names = set(), set()
    for operator in network.operators:
        if network.kind(operator) == "SQUARED_DIFFERENCE":
            reached.add(operator.inputs[0])
        elif network.kind(operator) in _EXACT:
            exact = _computed_from(network, *(operator.inputs[position] for position in _EXACT[network.kind(operator)]))
            reached |= exact
            names |= {network.tensors[index].name for index in exact}
        elif network.kind(operator) == "LOG":
            names |= _light_before(network, operator.inputs[0])
    for operator in network.operators:
        if network.kind(operator) not in WEIGHTED and reached & set(operator.inputs):
            reached.update(operator.outputs)
            names.add(network.tensors[operator.outputs[0]].name)
    return names


def _computed_from(network: Network, *tensors: int) -> set[int]:
    """The last outputs of operators with weights that tensors are computed from, or the picture."""
    found: set[int] = set()
    for index in tensors:
        producer = network.producer(index)
        if producer is not None and network.kind(producer) not in WEIGHTED:
            found |= _computed_from(network, *producer.inputs)
        elif network.constant(index) is None:
            found.add(index)
    return found


def _tables(network: Network) -> set[int]:
    """Outputs of operators with weights that are looked up in."""
    gathers = (operator for operator in network.operators if network.kind(operator) == "GATHER")
    return _computed_from(network, *(operator.inputs[0] for operator in gathers))


def _light_before(network: Network, index: int) -> set[str]:
    """Output names of the operators without weights that a tensor is computed by, back to those with weights."""
    producer = network.producer(index)
    if producer is None or network.kind(producer) in WEIGHTED:
        return set()
    return {network.tensors[index].name}.union(*(_light_before(network, source) for source in producer.inputs))


def islands(network: Network, schemes: Sequence[str]) -> set[int]:
    """Positions of operators without weights that would be integers amid floats: converting there and back costs more.

    What reads the picture or gives the output stays as it is asked for.
    """
    light = {
        position
        for position, operator in enumerate(network.operators)
        if schemes[position].startswith("static") and network.kind(operator) not in WEIGHTED
    }
    makers = {index: position for position, operator in enumerate(network.operators) for index in operator.outputs}
    neighbours: dict[int, set[int]] = {position: set() for position in range(len(schemes))}
    for position, operator in enumerate(network.operators):
        for maker in {makers[index] for index in operator.inputs if index in makers}:
            neighbours[maker].add(position)
            neighbours[position].add(maker)
    found: set[int] = set()
    edges = {*network.graph.inputs, *network.graph.outputs}
    while light:
        island, edge = set(), {light.pop()}
        while edge:
            island |= edge
            edge = {other for position in edge for other in neighbours[position]} & light
            light -= edge
        around = {other for position in island for other in neighbours[position]} - island
        at_edge = any(
            edges & {*network.operators[position].inputs, *network.operators[position].outputs} for position in island
        )
        if not at_edge and not any(schemes[position].startswith("static") for position in around):
            found |= island
    return found


def front_module(names: Sequence[str]) -> str:
    """The outermost module of a network's first layer, with its dot (`backbone.`): rules may leave it out."""
    first, dot, _ = names[0].partition(".")
    return first + dot if dot else ""


def matches(pattern: str, name: str, front: str) -> bool:
    """Whether a rule's pattern means a layer: by its name, or by that of a module around it.

    Args:
        pattern: dotted, with `*` for anything; the leading `front` may be left out.
        name: the layer's dotted name.
        front: what `front_module` says of the network.
    """
    names = (name, name.removeprefix(front))
    return any(fnmatchcase(one, pattern) or fnmatchcase(one, f"{pattern}.*") for one in names)


def _matching(pattern: str, situations: Sequence[_Situation]) -> list[int]:
    front = front_module([situation.name for situation in situations])
    found = [position for position, situation in enumerate(situations) if matches(pattern, situation.name, front)]
    if not found:
        parts = (situation.name.split(".") for situation in situations)
        known = {".".join(names[:length]) for names in parts for length in range(1, len(names) + 1)}
        raise PlanError(f"rule {pattern!r} matches no layer; {nearest(pattern, known)}")
    return found


def _look_at(network: Network, operator: Any, norms: set[str], tables: set[int]) -> _Situation:
    kind = network.kind(operator)
    kernel = network.constant(operator.inputs[1]) if kind in WEIGHTED else None
    return _Situation(
        name=layer_name(network, operator),
        kind=kind,
        weights=0 if kernel is None else kernel.size,
        is_table=operator.outputs[0] in tables,
        in_norm=network.tensors[operator.outputs[0]].name in norms,
    )


def _carried(situation: _Situation, scheme: str) -> str:
    """What an operator gets where a scheme is asked for: the scheme, or the next best."""
    while _obstacle(situation, scheme) is not None:
        scheme = FALLBACK.get(scheme, "float32")
    return scheme


def _check_rule(rule: str, scheme: str, found: Sequence[_Situation]) -> None:
    """Refuse a rule that would change nothing: somebody who names layers wants to know."""
    obstacles = [_obstacle(situation, scheme) for situation in found]
    if all(obstacle is not None for obstacle in obstacles):
        raise PlanError(f"rule {rule!r} cannot be carried out: {obstacles[0]} ({found[0].name})")


def _obstacle(situation: _Situation, scheme: str) -> str | None:
    """Why an operator cannot have a scheme; None where it can."""
    if scheme == "float32":
        return None
    if situation.is_table and scheme != "float16":
        return f"{scheme} leaves the tables of a look-up in float, which want precision; take float32 or float16"
    static, next_best = scheme.startswith("static"), FALLBACK.get(scheme, "float32")
    if not static and situation.kind not in WEIGHTED:
        return f"{scheme} is about weights, and {situation.kind} has none; take float32 or a static scheme"
    if static and situation.in_norm:
        return f"{scheme} leaves norms, divisions, look-ups and logarithms in float, which want precision; take float32"
    if not has_kernel(scheme, situation.kind) or (scheme in FALLBACK and situation.kind not in WEIGHTED):
        return f"there is no {scheme} kernel for {situation.kind}; take {next_best}"
    if scheme.startswith("dynamic") and situation.weights < DYNAMIC_MIN_WEIGHTS:
        return f"{scheme} pays from {DYNAMIC_MIN_WEIGHTS} weights on, and this has {situation.weights}; take float32"
    return None
