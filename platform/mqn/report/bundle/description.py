"""What a bundle's TFLite files tell of themselves to other people's tools."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mqn.data.licence import Origin
from mqn.hdr.codec import output_range
from mqn.records import Codec, TrialRecord
from mqn.report.bundle.samples.decoding import unit
from mqn.tflite.cutting import INPUT, OUTPUT
from mqn.tflite.flatbuffer import Network
from mqn.tflite.metadata import ModelText, TensorText, write_text


def describe_file(source: Path, target: Path, title: str, record: TrialRecord, origin: Origin | None) -> None:
    """Write a file with its own description; graph and weights stay, and so does what it computes.

    Done where a bundle is written and not by the export: only here are name, trial and licence known, and what was
    scored and measured keeps its bytes and its hash.

    Raises:
        ModelFileError: the source is no TFLite file.
    """
    network = Network.read(source)
    codec = record.candidate.training.codec
    sides = {
        "inputs": (network.graph.inputs, network.inputs()),
        "outputs": (network.graph.outputs, network.outputs()),
    }
    text = ModelText(
        name=title,
        description=f"Inverse tone mapping: an 8-bit sRGB picture in, a picture in linear light out, written in the "
        f"codec `{codec}`; 1.0 is {unit(codec)}. README.md of its bundle says how it is decoded.",
        version=f"study {record.study}, trial {record.number}",
        author="mqn (neural architecture search for inverse tone mapping)",
        licence=_licence(origin),
        **{
            side: tuple(_tensor(_name_of(index, names), codec) for index in indices)
            for side, (indices, names) in sides.items()
        },
    )
    write_text(network, text)
    network.write(target)


def _name_of(index: int, names: Mapping[str, int]) -> str:
    return next(name for name, found in names.items() if found == index)


def _tensor(name: str, codec: Codec) -> TensorText:
    if name == INPUT:
        return TensorText(
            name=name,
            description="sRGB code values as displayed, red first, in [0, 1]: bytes divided by 255",
            picture=True,
            mean=0.0,
            std=255.0,
            low=0.0,
            high=1.0,
        )
    if name == OUTPUT:
        low, high = output_range(codec)
        return TensorText(
            name=name,
            description=f"code values of the codec {codec}, red first; normalised, they are in [0, 1]",
            picture=True,
            mean=low,
            std=high - low,
            low=low,
            high=high,
        )
    return TensorText(name=name, description="features between the model's two files")


def _licence(origin: Origin | None) -> str:
    if origin is None:
        return "Not recorded: neither where its training pictures come from, nor their licence."
    if origin.procedural:
        return "Trained on scenes that mqn draws; they are nobody's."
    licence = origin.licence or "licence not recorded"
    name = origin.name.rstrip("/").rpartition("/")[2]  # Folders of this machine are nobody's business in an app.
    return f"Trained on {name} ({licence}). The pictures' licence may bind what is made of the model."
