"""Small networks with each kind of attention as float files, and plans drawn for them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import torch
from torch import nn

from mqn.export.process import ExportProcess
from mqn.families.mqn.arch import Attention, MQNArch
from mqn.families.mqn.network import assemble
from mqn.models import checkpoint
from mqn.records import Plan, Scheme, Training

ATTENTIONS: tuple[Attention, ...] = ("sa", "csa", "ca")


def write_networks(folder: Path, size: int, exporter: ExportProcess) -> dict[Attention, Path]:
    """Convert an untrained network of each kind; its batch norms are what a training may leave behind."""
    found = {}
    for attention in ATTENTIONS:
        torch.manual_seed(1)
        arch = MQNArch(attention=attention, width=0.35, encoder_weights="random", input_size=size)
        network = assemble(arch).eval()
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.normal_(module.running_mean, 0, 0.3)
                nn.init.uniform_(module.running_var, 0.5, 2)
        own = folder / attention
        own.mkdir()
        checkpoint.save(own / "checkpoint.pt", arch, Training(), network)
        found[attention] = Path(exporter.run("convert", checkpoint=own / "checkpoint.pt", directory=own))
    return found


def draw_plans(generator: random.Random) -> Iterator[Plan]:
    """Plans of any schemes and a rule or none; not every one can be carried out."""
    schemes = [scheme for scheme in get_args(Scheme) if scheme != "static_wi8_ai16"]
    patterns = ("", "head.conv2", "head.*", "decoder.conv3", "encoder.block_0", "decoder.irlb_3")
    while True:
        pattern = generator.choice(patterns)
        yield Plan(
            backbone=generator.choice(schemes),
            head=generator.choice(schemes),
            rules=((pattern, generator.choice(schemes)),) if pattern else (),  # type: ignore[arg-type]
        )
