"""The contract of a family as checks that anybody can run: `mqn doctor --family NAME`, and the tests of every family.

A check takes a `Family` and returns a short text of what it found; it raises `ContractError` where the family breaks
the contract (`mqn.families.contract`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mqn.errors import MqnError
from mqn.families import FAMILIES
from mqn.families.contract import INTERFACE, Arch, Family, build_network, find_family
from mqn.families.fields import RANDOM
from mqn.models import checkpoint
from mqn.networks.cost import cost, pair_cuts
from mqn.networks.graph import cut_nodes, trace
from mqn.parsing import from_mapping, to_plain
from mqn.quantities import find_quantity
from mqn.records import Candidate, Training

_SIDE = 64  # of the pictures tried, to the nearest multiple of the stride below
_SAME = 1e-5


class ContractError(MqnError):
    """A family breaks the contract."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a check came to: its name, whether the family passed it, and what was found or what is wrong."""

    check: str
    passed: bool
    detail: str


def check_record(family: Family) -> str:
    """The record goes by its own name and fills in what is needed."""
    _require(family.name in FAMILIES or ":" in family.name, f"name {family.name!r} must be package.module:NAME")
    _require(bool(family.codecs), "codecs is empty; name what the output may stand for")
    _require(family.stride >= 1, f"stride {family.stride} must be at least 1")
    _require("\n" not in family.title and bool(family.title), "title must be one line")
    _require(find_family(family.name) is family, f"{family.name!r} names another record")
    return family.title


def check_fields(family: Family) -> str:
    """The arch is a frozen record of plain values with defaults, and comes back from JSON as it was."""
    arch = _arch(family)
    _require(isinstance(arch, Arch), "arch must derive from mqn.families.contract.Arch")
    _require(arch.family == family.name, f"arch.family defaults to {arch.family!r}, not to {family.name!r}")
    refused = _refused(lambda: setattr(arch, "input_size", 0))
    _require(refused, "arch can be changed; make it @dataclass(frozen=True, slots=True, kw_only=True)")
    for name, value in to_plain(arch).items():
        _require(isinstance(value, (str, int, float, bool)), f"arch.{name} must be a number or a string")
    _require(from_mapping(Arch, to_plain(arch), source="arch", path="arch") == arch, "arch is not read back from JSON")
    checked = family.stride == 1 or _refused(lambda: replace(arch, input_size=arch.input_size + 1))
    _require(checked, "an input_size off the stride is taken; call Arch.__post_init__(self) in __post_init__")
    return ", ".join(field.name for field in fields(arch) if field.name != "family")


def check_candidate(family: Family) -> str:
    """A candidate of the family has a label of one line and comes back from its dotted keys."""
    candidate = Candidate().with_values({f"arch.{name}": value for name, value in to_plain(_arch(family)).items()})
    _require("\n" not in candidate.label, "label must be one line")
    unknown = family.labelled - {field.name for field in fields(candidate.arch)}
    _require(not unknown, f"labelled names no field of the arch: {', '.join(sorted(unknown))}")
    again = Candidate().with_values(candidate.flat())
    _require(again == candidate, "the candidate is not read back from its dotted keys")
    for codec in family.codecs:
        candidate.with_values({"training.codec": codec})
    return candidate.label


def check_build(family: Family) -> str:
    """The network is float32, in training mode, and the same from the same seed."""
    network, again = _network(family), _network(family)
    _require(isinstance(network, nn.Module), "build must return a torch.nn.Module")
    _require(network.training, "build must return a network in training mode")
    state, other = network.state_dict(), again.state_dict()
    _require(bool(state), "the network has no weights")
    for name, tensor in state.items():
        _require(
            not tensor.is_floating_point() or tensor.dtype == torch.float32, f"{name} is {tensor.dtype}, not float32"
        )
        _require(torch.equal(tensor, other[name]), f"{name} differs from one build to the next with the same seed")
    return f"{sum(parameter.numel() for parameter in network.parameters()):,} trainable parameters"


def check_weights(family: Family) -> str:
    """Fields of weights take `random`, and then nothing is loaded."""
    arch = _arch(family)
    if family.load_weights is None:
        _require(not family.weight_fields, f"nothing loads {', '.join(family.weight_fields)}; fill in load_weights")
        return "none to load"
    _require(bool(family.weight_fields), "load_weights has no field to go by; make one with weights_file")
    torch.manual_seed(0)
    loaded = build_network(arch).state_dict()
    plain = _network(family).state_dict()
    _require(
        all(torch.equal(plain[name], loaded[name]) for name in plain), f"weights change although all are {RANDOM!r}"
    )
    return ", ".join(family.weight_fields)


@torch.no_grad()
def check_sizes(family: Family) -> str:
    """(N, 3, H, W) in [0, 1] becomes (N, 3, H, W), finite, at every multiple of the stride."""
    network, side = _network(family).eval(), _arch(family).input_size
    shapes = [(1, 3, side, side), (2, 3, side, side + family.stride)]
    for shape in shapes:
        output = network(torch.rand(shape))
        _require(tuple(output.shape) == shape, f"{shape} becomes {tuple(output.shape)}")
        _require(bool(torch.isfinite(output).all()), "the output is not finite")
    return f"stride {family.stride}, tried {side} x {side + family.stride}"


@torch.no_grad()
def check_trace(family: Family) -> str:
    """`torch.fx` sees the network as it is."""
    network, picture = _network(family).eval(), torch.rand(1, 3, *[_arch(family).input_size] * 2)
    traced, outputs = trace(network)
    apart = float((network(picture) - traced.eval()(picture)).abs().max())
    _require(apart <= _SAME, f"the traced network differs by {apart:.1e}")
    return f"{len(outputs)} modules, {len(traced.graph.nodes)} nodes"


def check_cuts(family: Family) -> str:
    """The default cut is a submodule's output, and parts the network."""
    network, arch = _network(family), _arch(family)
    try:
        network.get_submodule(family.cut)
    except AttributeError:
        raise ContractError(f"cut {family.cut!r} is no submodule") from None
    names = list(cut_nodes(network, family.cut))
    _require(INTERFACE in names, f"cut {family.cut!r} must return one tensor, and not the network's output")
    both = INTERFACE in pair_cuts(network, arch)
    return f"{len(names)} cuts; {INTERFACE} (behind {family.cut}) {'makes two files' if both else 'in one file only'}"


def check_cost(family: Family) -> str:
    """Parameters and multiply-accumulates can be counted on both sides of the cut."""
    counted = cost(_network(family), _arch(family))
    for what in (counted.parameters, counted.macs):
        _require(what["total"] == what["backbone"] + what["head"] > 0, f"counted {what}")
    return f"{counted.parameters['total']:,} parameters, {counted.macs['total'] / 1e9:.3f} GMAC"


def check_gradients(family: Family) -> str:
    """Every parameter learns."""
    network = _network(family)
    picture = torch.rand(2, 3, *[_arch(family).input_size] * 2)
    network(picture).square().mean().backward()
    idle = [name for name, parameter in network.named_parameters() if parameter.grad is None]
    _require(not idle, f"no gradient reaches {', '.join(idle[:3])}")
    return "reach every parameter"


def check_checkpoint(family: Family) -> str:
    """A checkpoint is read back as the same network."""
    _same_from_checkpoint(family, _network(family).eval())
    return "read back bit by bit"


def check_freezing(family: Family) -> str:
    """What is frozen at first has layers to free."""
    if family.frozen is None:
        return "nothing can be frozen"
    part = _network(family).get_submodule(family.frozen)
    count = sum(isinstance(module, nn.Conv2d) for module in part.modules())
    _require(count > 0, f"frozen {family.frozen!r} has no convolutions")
    return f"{count} convolutions of {family.frozen}"


def check_narrowing(family: Family) -> str:
    """Blocks can lose half of their channels, and what is left is a checkpoint."""
    if family.narrowable is None:
        return "no blocks that can be pruned"
    network = _network(family).eval()
    blocks = [block for block in family.narrowable(network).values() if block.prunable]
    _require(bool(blocks), "narrowable gives no block that is prunable")
    for block in blocks:
        block.keep(torch.arange(0, block.projection.in_channels, 2))
    _same_from_checkpoint(family, network)
    return f"{len(blocks)} blocks"


def check_attention(family: Family) -> str:
    """The block whose attention is looked at is there, and has one kind or none."""
    if family.attended is None:
        return "none to look at"
    block, kind = _network(family).get_submodule(family.attended.block), family.attended.kind(_arch(family))
    there = getattr(block, family.attended.attention, None) is not None
    _require(
        there == (kind != "none"), f"kind is {kind!r}, and {family.attended.block} has {'one' if there else 'none'}"
    )
    return f"{kind} at {family.attended.block}"


def check_paper(family: Family) -> str:
    """Published rows are marked by fields that candidates have, and figures go by our names."""
    if family.paper is None:
        return "nothing published to compare with"
    flat = Candidate().with_values({"arch.family": family.name}).flat()
    for kind, table in family.paper.tables.items():
        _require(table.reference in {row.label for row in table.rows}, f"{kind}: no row is called {table.reference!r}")
        unknown = [key for key in (*table.varied, *table.switches) if key not in flat]
        _require(not unknown, f"{kind}: no candidate has {', '.join(unknown)}")
        strange = [name for row in table.rows for name in row.figures if find_quantity(name) is None]
        _require(not strange, f"{kind}: no figure is called {', '.join(strange)}")
    return f"tables {', '.join(family.paper.tables)}"


_CHECKS = (
    *(check_record, check_fields, check_candidate, check_build, check_weights, check_sizes, check_trace, check_cuts),
    *(check_cost, check_gradients, check_checkpoint, check_freezing, check_narrowing, check_attention, check_paper),
)
CHECKS: dict[str, Callable[[Family], str]] = {check.__name__.removeprefix("check_"): check for check in _CHECKS}
"""Every check by its name."""


def run_checks(family: Family) -> list[Finding]:
    """Run every check; one that fails stops none of the others."""
    findings = []
    for name, check in CHECKS.items():
        try:
            passed, detail = True, check(family)
        except Exception as error:  # noqa: BLE001 - code of a team's own may raise anything: that is what is found
            kind = "" if isinstance(error, MqnError) else f"{type(error).__name__}: "
            passed, detail = False, kind + " ".join(str(error).split())[:300]
        findings.append(Finding(check=name, passed=passed, detail=detail))
    return findings


def save_sample(family: Family, path: Path) -> None:
    """Write a checkpoint of a small network of the family, with random weights."""
    checkpoint.save(path, _arch(family), _training(family), _network(family).eval())


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ContractError(message)


def _refused(change: Callable[[], object]) -> bool:
    try:
        change()
    except (AttributeError, ValueError):  # A frozen dataclass raises the first, a check the second.
        return True
    return False


def _arch(family: Family) -> Any:
    """The family's defaults at a small size, without files of weights."""
    size = max(1, _SIDE // family.stride) * family.stride
    return family.arch(input_size=size, **dict.fromkeys(family.weight_fields, RANDOM))


def _network(family: Family) -> nn.Module:
    torch.manual_seed(0)
    return family.build(_arch(family))


def _training(family: Family) -> Training:
    return from_mapping(Training, {"codec": family.codecs[0]}, source=f"family {family.name!r}", path="training")


@torch.no_grad()
def _same_from_checkpoint(family: Family, network: nn.Module) -> None:
    picture = torch.rand(1, 3, *[_arch(family).input_size] * 2)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "checkpoint.pt"
        checkpoint.save(path, _arch(family), _training(family), network)
        arch, _, loaded = checkpoint.load(path)
    _require(arch == _arch(family), "the checkpoint has other fields")
    _require(torch.equal(loaded(picture), network(picture)), "the checkpoint is another network")
