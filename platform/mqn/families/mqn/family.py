"""MQN's record: what the platform needs of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqn.families.contract import Attended, Family, NarrowableBlock
from mqn.families.mqn.arch import MQNArch
from mqn.families.mqn.paper import PAPER

if TYPE_CHECKING:
    from mqn.families.mqn.network import MQN


def _build(arch: MQNArch) -> MQN:
    from mqn.families.mqn.network import assemble

    return assemble(arch)


def _load_weights(network: MQN, arch: MQNArch) -> None:
    from mqn.families.mqn.pretrained import load_encoder

    load_encoder(network.backbone.encoder, arch.encoder_weights, arch.width)


def _narrowable(network: MQN) -> dict[str, NarrowableBlock]:
    from mqn.families.mqn.narrowing import blocks

    return blocks(network)


FAMILY = Family(
    name="mqn",
    title="MQN",
    arch=MQNArch,
    label=lambda arch: f"{arch.attention} w{arch.width:g}",
    labelled=frozenset({"attention", "width"}),
    build=_build,
    load_weights=_load_weights,
    cut="backbone",
    codecs=("log", "linear", "mulaw", "pq", "gain"),
    frozen="backbone.encoder",
    narrowable=_narrowable,
    # Att. 4, the last and finest one: what the paper's Figure 3 shows.
    attended=Attended(block="backbone.decoder.irlb_4", attention="attention", kind=lambda arch: arch.attention),
    paper=PAPER,
)
