"""A checkpoint as one float TFLite file: torch -> Keras twin -> TensorFlow's converter, and proof that they agree."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import torch
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2
from torch import nn

from mqn.errors import ExportError
from mqn.export.cutting import CUTS_FILE, INPUT, OUTPUT
from mqn.export.flatbuffer import Network
from mqn.export.interpreter import open_interpreter, run
from mqn.export.twin import TWIN, Twin, build_twin
from mqn.models.graph import cut_nodes
from mqn.models.mqn import assemble
from mqn.parsing import from_mapping, write_json
from mqn.records import Arch

FLOAT_FILE = "model.float32.tflite"
PARITY_FILE = "parity.json"
TOLERANCE = 1e-4


def convert(checkpoint: Path, directory: Path) -> Path:
    """Convert a trained network.

    Args:
        checkpoint: what training wrote.
        directory: where `model.float32.tflite`, `cuts.json` (cut to tensor name) and `parity.json` go.

    Returns:
        The float file: input `ldr` (1, S, S, 3) float32 in [0, 1], output `hdr` likewise, in the codec's range.

    Raises:
        ExportError: the network cannot be converted, or the result is not the same network.
    """
    arch, network = load_network(checkpoint)
    return convert_network(network, arch.input_size, directory)


def load_network(checkpoint: Path) -> tuple[Arch, nn.Module]:
    """Read architecture and weights out of a checkpoint, without the room that trains.

    Args:
        checkpoint: a file with the entries `arch` and `state`.

    Raises:
        ExportError: it is missing, damaged or no checkpoint.
    """
    try:
        content = torch.load(checkpoint, map_location="cpu", weights_only=True)
        arch = from_mapping(Arch, content["arch"], source=str(checkpoint), path="arch")
        network = assemble(arch)
        network.load_state_dict(content["state"])
    except OSError as error:
        raise ExportError(f"cannot read {checkpoint}: {error.strerror}") from error
    except (RuntimeError, EOFError, pickle.UnpicklingError, KeyError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:160]
        raise ExportError(f"{checkpoint} is damaged or no checkpoint of a training: {reason}") from error
    return arch, network.eval()


def convert_network(network: nn.Module, input_size: int, directory: Path) -> Path:
    """Convert a torch network; see `convert`.

    Args:
        network: an MQN.
        input_size: side of the file's square input in pixels.
        directory: where the files go.

    Raises:
        ExportError: as in `convert`.
    """
    network = network.eval()
    twin = build_twin(network, input_size)
    converted = Network.from_bytes(_convert_twin(twin, input_size))
    name_tensors(converted, set(twin.layers.values()))
    directory.mkdir(parents=True, exist_ok=True)
    path = converted.write(directory / FLOAT_FILE)
    write_json(directory / CUTS_FILE, surviving_cuts(network, twin, converted))

    parity = measure_parity(network, twin, path, input_size)
    write_json(directory / PARITY_FILE, {**parity, "tolerance": TOLERANCE, "input_size": input_size})
    for step, worst in parity.items():
        if not worst <= TOLERANCE:
            raise ExportError(
                f"{step} differs by {worst:.2e}, above {TOLERANCE:g}: the exported network is another one"
            )
    return path


def measure_parity(network: nn.Module, twin: Twin, path: Path, input_size: int) -> dict[str, float]:
    """Largest absolute differences between the three forms of a network, on one picture of seeded noise.

    Returns:
        `torch_vs_twin` and `twin_vs_tflite`, of values between 0 and 1.
    """
    picture = np.random.default_rng(0).random((1, input_size, input_size, 3), dtype=np.float32)
    with torch.no_grad():
        expected = network(torch.from_numpy(picture.transpose(0, 3, 1, 2).copy())).numpy().transpose(0, 2, 3, 1)
    twin_output = np.asarray(twin.model(picture))
    file_output = run(open_interpreter(path), {INPUT: picture})[OUTPUT]
    return {
        "torch_vs_twin": float(np.abs(expected - twin_output).max()),
        "twin_vs_tflite": float(np.abs(twin_output - file_output).max()),
    }


def name_tensors(network: Network, layers: set[str]) -> None:
    """Give tensors the names of the torch modules, and the file its signature.

    The converter names a fused operator's output for all that went in, the last first (`a/relu/Relu;a/conv/Conv2D`).
    What the last layer ends with becomes that layer's name; what it computes on the way keeps the converter's suffix.

    Args:
        network: as TensorFlow's converter made it; changed in place.
        layers: names of the twin's layers.
    """
    (picture,), (result,) = network.graph.inputs, network.graph.outputs
    network.tensors[picture].name = INPUT
    network.tensors[result].name = OUTPUT
    taken = {INPUT}
    for operator in reversed(network.operators):
        for index in operator.outputs:
            network.tensors[index].name = _free(_plain(network.tensors[index].name, layers, taken), taken)
    computed = network.computed() | {picture}
    for index, tensor in enumerate(network.tensors):
        if index not in computed:
            tensor.name = _free(f"constant/{tensor.name.split(';')[0].removeprefix(f'{TWIN}/')}", taken)
    network.set_edges({INPUT: picture}, {OUTPUT: result})


def surviving_cuts(network: nn.Module, twin: Twin, converted: Network) -> dict[str, str]:
    """The cuts that conversion left a tensor of: cut name to tensor name, from front to back."""
    computed = {converted.tensors[index].name for index in converted.computed()}
    cuts = {cut: twin.layers[node.name] for cut, node in cut_nodes(network).items()}
    return {cut: layer for cut, layer in cuts.items() if layer in computed}


def _plain(name: str, layers: set[str], taken: set[str]) -> str:
    """The layer's name for the tensor that it ends with (tensors come last first), the converter's for the others."""
    name = name.split(";")[0].removeprefix(f"{TWIN}/")
    parts = name.split("/")
    prefixes = ("/".join(parts[:length]) for length in range(len(parts), 0, -1))
    layer = next((prefix for prefix in prefixes if prefix in layers), None)
    return name if layer is None or layer in taken else layer


def _free(name: str, taken: set[str]) -> str:
    """The name, numbered where another tensor has it already."""
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    taken.add(free)
    return free


def _convert_twin(twin: Twin, input_size: int) -> bytes:
    """TensorFlow's converter on the frozen graph: the same operators as from a Keras model, in a tenth of the time."""
    specification = tf.TensorSpec((1, input_size, input_size, 3), tf.float32, name=INPUT)

    def forward(ldr: Any) -> Any:
        return twin.model(ldr, training=False)

    function = tf.function(forward, input_signature=[specification], autograph=False).get_concrete_function()
    frozen = convert_variables_to_constants_v2(function)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
    converter.experimental_lower_to_saved_model = False
    try:
        return converter.convert()
    except (ValueError, RuntimeError, TypeError) as error:
        raise ExportError(f"TensorFlow's converter failed: {' '.join(str(error).split())[:300]}") from error
