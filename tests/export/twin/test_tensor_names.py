from __future__ import annotations

from mqn.export.twin.tensor_names import name_tensors
from mqn.tflite.flatbuffer import Network


def test_tensors_take_the_names_of_layers(toy: Network) -> None:
    network = toy.copy()
    converted = {
        "ldr": "serving_default_ldr:0",
        "backbone/down": "twin/backbone/down/relu/Relu;twin/backbone/down/conv/Conv2D",
        "backbone/up": "twin/backbone/norm/mul",
        "backbone/cat": "twin/backbone/norm/add",
        "constant/size": "twin/backbone/up/size",
        "hdr": "Identity",
    }
    indices = {name: network.index(name) for name in converted}
    for name, given in converted.items():
        network.tensors[indices[name]].name = given
    name_tensors(network, {"backbone/down/relu", "backbone/down/conv", "backbone/norm"}, "twin/")
    assert {name: network.tensors[index].name for name, index in indices.items()} == {
        "ldr": "ldr",
        "backbone/down": "backbone/down/relu",
        "backbone/up": "backbone/norm/mul",
        "backbone/cat": "backbone/norm",
        "constant/size": "constant/backbone/up/size",
        "hdr": "hdr",
    }
    names = [tensor.name for tensor in network.tensors]
    assert len(set(names)) == len(names)
