"""A network as a graph: what `torch.fx` sees, and where a plan may cut it.

A cut at a named tensor parts what the tensor is computed from, the backbone, from all else. Where the tensor and the
network's own input are all that the rest needs, the two can become files of their own. In a U-Net most tensors are not
like that, skips run beside them: these are cuts within one file only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import fx, nn

INTERFACE = "interface"
_INTERFACE_MODULE = "backbone"


class Tracer(fx.Tracer):
    """Traces down to torch's own modules, and notes which node each of our modules returns.

    Attributes:
        outputs: path of every module that returns one tensor (`backbone.decoder.conv2`) to the node of that tensor.
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
    """Trace a network.

    Args:
        model: traceable; of one input.

    Returns:
        The traced network (it shares the model's parameters), and the node that each module returns, by module path.
    """
    tracer = Tracer()
    graph = tracer.trace(model)
    return fx.GraphModule(tracer.root, graph), tracer.outputs


def cut_nodes(model: nn.Module) -> dict[str, fx.Node]:
    """Legal cuts, from the front of the network to its back.

    Args:
        model: an MQN.

    Returns:
        Name of the cut to its node in the graph of `trace(model)`. A cut is named for the block whose output it is:
        `backbone.decoder.conv2`, `head.conv1`; the backbone's output is `interface`. Activations folded into a block by
        every runtime (batch norm, ReLU) are never cut off from it.
    """
    return _named_nodes(model)[0]


def separating_cut_nodes(model: nn.Module) -> dict[str, fx.Node]:
    """Those of `cut_nodes` where the network can be made into two files."""
    cuts, nodes = _named_nodes(model)
    return {name: node for name, node in cuts.items() if _separates(node, nodes)}


def _named_nodes(model: nn.Module) -> tuple[dict[str, fx.Node], list[fx.Node]]:
    """Every block's output by name, and all nodes in order."""
    traced, outputs = trace(model)
    nodes = list(traced.graph.nodes)
    position = {node: index for index, node in enumerate(nodes)}
    result = next(node for node in nodes if node.op == "output").all_input_nodes[0]
    cuts: dict[fx.Node, str] = {}
    for path, node in outputs.items():
        if _is_block(path, model) and node is not result:
            # A module is noted after the modules inside it, so the outermost gives the name.
            cuts[node] = INTERFACE if path == _INTERFACE_MODULE else path
    return {name: node for node, name in sorted(cuts.items(), key=lambda item: position[item[0]])}, nodes


def _is_block(path: str, model: nn.Module) -> bool:
    """Whether a module is one that runtimes keep whole; of torch's own, only the head's bare convolution."""
    return path == "head.conv3" or any(True for _ in model.get_submodule(path).children())


def _separates(cut: fx.Node, nodes: list[fx.Node]) -> bool:
    """Whether the nodes that do not lead to `cut` need nothing but `cut`, the network's input and each other."""
    front = {cut}
    for node in reversed(nodes):
        if node in front:
            front.update(node.all_input_nodes)
    allowed = {cut} | {node for node in nodes if node.op == "placeholder"}
    behind = [node for node in nodes if node not in front and node.op != "placeholder"]
    return all(source in allowed or source not in front for node in behind for source in node.all_input_nodes)
