"""A network as a graph: what `torch.fx` sees, and where a plan may cut it.

A cut at a named tensor separates what the tensor is computed from, the backbone, from the rest, the head. If the head
needs only that tensor and the network's input, the two can be files of their own. In a U-Net most tensors have skips
beside them: they are cuts within one file only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from torch import fx, nn

from mqn.families.contract import INTERFACE


class Tracer(fx.Tracer):
    """Traces down to torch's own modules, and notes which node each of our modules returns.

    Attributes:
        outputs: path of every module that returns one tensor (dotted) to the node of that tensor.
    """

    def __init__(self) -> None:
        super().__init__()
        self.outputs: dict[str, fx.Node] = {}

    def call_module(
        self, m: nn.Module, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Trace one module."""
        result = super().call_module(m, forward, args, kwargs)
        if isinstance(result, fx.Proxy):
            self.outputs[self.path_of_module(m)] = result.node
        return result


def trace(model: nn.Module) -> tuple[fx.GraphModule, dict[str, fx.Node]]:
    """Trace a model as it is applied; a training step may compute the same in another way.

    Returns:
        The traced network, which shares the model's parameters, and the node that each module returns, by its path.
    """
    tracer = Tracer()
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        graph = tracer.trace(model)
    finally:
        for module in training:
            module.training = True
    return fx.GraphModule(tracer.root, graph), tracer.outputs


def cut_nodes(model: nn.Module, default: str) -> dict[str, fx.Node]:
    """Legal cuts, from the front of the network to its back.

    Args:
        model: the network.
        default: the submodule whose output is the default cut (`Family.cut`).

    Returns:
        Name of the cut to its node in the graph of `trace(model)`. A cut is named for the block whose output it is, a
        submodule's dotted path; the default cut is `interface`. Activations folded into a block by every runtime (batch
        norm, ReLU) are never cut off from it.
    """
    return _named_nodes(model, default)[0]


def separating_cut_nodes(model: nn.Module, default: str) -> dict[str, fx.Node]:
    """Those of `cut_nodes` where the network can be made into two files."""
    cuts, nodes = _named_nodes(model, default)
    return {name: node for name, node in cuts.items() if _separates(node, nodes)}


def norms_behind(model: nn.Module) -> dict[str, nn.BatchNorm2d]:
    """Every batch norm, by the path of the module that it follows."""
    nodes = [node for node in trace(model)[0].graph.nodes if node.op == "call_module"]
    modules = {node: model.get_submodule(node.target) for node in nodes}
    return {str(n.all_input_nodes[0].target): m for n, m in modules.items() if isinstance(m, nn.BatchNorm2d)}


def front_of(cut: fx.Node, nodes: Iterable[fx.Node]) -> set[fx.Node]:
    """The cut and all that it is computed from: a plan's backbone. The graph's other nodes are its head."""
    front = {cut}
    for node in reversed(list(nodes)):
        if node in front:
            front.update(node.all_input_nodes)
    return front


def _named_nodes(model: nn.Module, default: str) -> tuple[dict[str, fx.Node], list[fx.Node]]:
    """Every block's output by name, and all nodes in order."""
    traced, outputs = trace(model)
    nodes = list(traced.graph.nodes)
    position = {node: index for index, node in enumerate(nodes)}
    result = next(node for node in nodes if node.op == "output").all_input_nodes[0]
    cuts: dict[fx.Node, str] = {}
    for path, node in outputs.items():
        if _is_block(path, model) and node is not result:
            # A module is noted after the modules inside it, so the outermost gives the name.
            cuts[node] = INTERFACE if node is outputs.get(default) else path
    return {name: node for node, name in sorted(cuts.items(), key=lambda item: position[item[0]])}, nodes


def _is_block(path: str, model: nn.Module) -> bool:
    """Whether a module is one that runtimes keep whole; of torch's own, only a bare convolution among blocks."""
    module = model.get_submodule(path)
    if any(True for _ in module.children()):
        return True
    siblings = model.get_submodule(path.rpartition(".")[0]).children()
    return isinstance(module, nn.Conv2d) and any(True for sibling in siblings for _ in sibling.children())


def _separates(cut: fx.Node, nodes: list[fx.Node]) -> bool:
    """Whether the nodes that do not lead to `cut` need nothing but `cut`, the network's input and each other."""
    front = front_of(cut, nodes)
    allowed = {cut} | {node for node in nodes if node.op == "placeholder"}
    behind = [node for node in nodes if node not in front and node.op != "placeholder"]
    return all(source in allowed or source not in front for node in behind for source in node.all_input_nodes)
