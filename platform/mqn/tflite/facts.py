"""What a file of ours says of its network, so that whoever runs, resizes or quantizes it needs no other source."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from mqn.tflite.flatbuffer import Network

_METADATA = "mqn_network"

FIXED_SIZE = "fixed_size"
"""How names of sizes begin that stay as they are, whatever the size of the picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Of one network. The defaults hold for files that say nothing, from before there were other families than MQN.

    Attributes:
        stride: heights and widths of pictures are multiples of it.
        last_layer: dotted name of the layer whose output the file calls `hdr`.
        fixed_interface: of a head: the features that it takes are as large for every picture.
    """

    stride: int = 32
    last_layer: str = "hdr"
    fixed_interface: bool = False


def read_facts(network: Network) -> Facts:
    """What a network says; quantizing, cutting and resizing keep it."""
    content = network.metadata(_METADATA)
    return Facts(**json.loads(content)) if content else Facts()


def write_facts(network: Network, facts: Facts) -> None:
    """Say it, in place."""
    network.set_metadata(_METADATA, json.dumps(asdict(facts)).encode())
