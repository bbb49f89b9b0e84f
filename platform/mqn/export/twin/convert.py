"""A checkpoint as one float TFLite file: torch -> Keras twin -> TensorFlow's converter, and proof that they agree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2
from torch import nn

from mqn.errors import ExportError
from mqn.export.twin.agreement import compare
from mqn.export.twin.tensor_names import fix_sizes, name_tensors
from mqn.export.twin.twin import TWIN, Twin, build_twin
from mqn.families.contract import Arch, find_family
from mqn.files.publishing import publish_file
from mqn.models.checkpoint import load
from mqn.parsing import write_json
from mqn.tflite.cutting import CUTS_FILE, INPUT
from mqn.tflite.facts import Facts, write_facts
from mqn.tflite.flatbuffer import Network

FLOAT_FILE = "model.float32.tflite"
PARITY_FILE, NETWORK_FILE = "parity.json", "network.json"


def convert(checkpoint: Path, directory: Path) -> Path:
    """Convert a trained network.

    Args:
        checkpoint: what training wrote.
        directory: where `model.float32.tflite`, `cuts.json` (cut to tensor name), `parity.json` and `network.json` (the
            checkpoint's `arch` and `training`, for those who do not want to import torch) go.

    Returns:
        The float file: input `ldr` (1, S, S, 3) float32 in [0, 1], output `hdr` likewise, in the codec's range.

    Raises:
        WeightsError: the checkpoint is missing or damaged.
        ExportError: the network cannot be converted, or the result is not the same network.
    """
    arch, training, network = load(checkpoint)
    directory.mkdir(parents=True, exist_ok=True)
    write_json(directory / NETWORK_FILE, {"arch": arch, "training": training})
    return convert_network(network, arch, directory)


def convert_network(network: nn.Module, arch: Arch, directory: Path) -> Path:
    """Convert a torch network as `convert` does. It may be pruned; `arch` says the side of the square input."""
    network, input_size = network.eval(), arch.input_size
    twin = build_twin(network, input_size)
    converted = Network.from_bytes(_convert_twin(twin, input_size))
    family = find_family(arch.family)
    last = name_tensors(converted, set(twin.layers.values()), f"{TWIN}/")
    fix_sizes(converted, twin.fixed)
    write_facts(converted, Facts(stride=family.stride, last_layer=last.replace("/", ".")))
    agreement = compare(network, family.cut, twin, converted)
    distances = {"torch_vs_twin": agreement.torch_vs_twin, "twin_vs_tflite": agreement.twin_vs_tflite}
    directory.mkdir(parents=True, exist_ok=True)
    write_json(directory / CUTS_FILE, agreement.cuts)
    write_json(directory / PARITY_FILE, {**distances, "tolerance": agreement.tolerance, "input_size": input_size})
    for step, worst in distances.items():
        if not worst <= agreement.tolerance:
            raise ExportError(
                f"{step} differs by {worst:.2e}, above {agreement.tolerance:.2g}: what was exported is another network"
            )
    # Last and at once: a file of this name is whole, and the same network.
    return publish_file(converted.write(directory / f".{FLOAT_FILE}.new"), directory / FLOAT_FILE)


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
