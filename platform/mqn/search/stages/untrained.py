"""Make a network that nobody has trained, for the gate: a checkpoint with seeded random weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqn.families.contract import find_family
from mqn.records import Arch, Training
from mqn.search.stages.train import CHECKPOINT, network_details
from mqn.search.work.jobs import Job

if TYPE_CHECKING:
    from torch import nn

STAGE, REVISION = "untrained", 1
_SEED, _PICTURES = 0, 4


def untrained_job(arch: Arch, training: Training) -> Job:
    """The making of an untrained network. Its weights depend on `arch` alone; `training` names the codec."""
    return Job(
        stage=STAGE,
        inputs={"arch": arch.identity(), "codec": training.codec, "revision": REVISION},
        function=untrained,
        arguments={"arch": arch, "training": training},
        packages=("torch",),
        doing="make the untrained network",
    )


def untrained(folder: Path, *, arch: Arch, training: Training) -> dict[str, Any]:
    """Build a network with seeded random weights and write its checkpoint. No pretrained weights are loaded.

    Returns:
        As `network_details`.
    """
    import torch

    from mqn.models.checkpoint import save

    with torch.random.fork_rng(devices=()):
        torch.manual_seed(_SEED)
        network = find_family(arch.family).build(arch)
        scatter(network)
        settle(network, arch.input_size)
    save(folder / CHECKPOINT, arch, training, network)
    return network_details(folder / CHECKPOINT)


def scatter(network: nn.Module) -> None:
    """Change every weight and statistic a little, as a training does.

    Biases begin at 0 and factors at 1. Converters leave additions of 0 and products with 1 away, so that the file would
    have other operators than that of the trained network.
    """
    import torch

    with torch.no_grad():
        for value in network.state_dict().values():
            if value.is_floating_point():
                value.mul_(1 + 0.01 * torch.rand_like(value)).add_(0.01 * torch.rand_like(value))


def settle(network: nn.Module, size: int) -> None:
    """Scale every layer such that its outputs spread by 1, and give batch norms their statistics.

    Both are taken from a few random pictures of `size` x `size` pixels (layer-sequential unit variance, Mishkin and
    Matas 2016). Otherwise features fade or grow from layer to layer. Calibration would find ranges as no trained
    network has them, and where the inputs of an operator differ in range, an 8-bit file needs one operator more.
    """
    import torch
    from torch.nn.modules.batchnorm import _BatchNorm
    from torch.nn.modules.conv import _ConvNd

    def scale(layer: Any, _inputs: Any, output: Any) -> Any:
        features, *others = (
            output if isinstance(output, tuple) else (output,)
        )  # A partial convolution gives a mask too.
        spread = features.std().clamp(min=1e-12)
        for value in layer.parameters(recurse=False):
            value.div_(spread)
        handles.pop(layer).remove()  # A layer that is used twice is scaled once.
        return (features / spread, *others) if isinstance(output, tuple) else features / spread

    layers = [module for module in network.modules() if isinstance(module, _ConvNd | torch.nn.Linear)]
    handles = {layer: layer.register_forward_hook(scale) for layer in layers}
    for module in network.modules():
        if isinstance(module, _BatchNorm):
            module.reset_running_stats()
            module.momentum = None  # The mean over all batches, here one.
    with torch.no_grad():
        network.train()(torch.rand(_PICTURES, 3, size, size))
    for handle in handles.values():
        handle.remove()
    network.eval()
