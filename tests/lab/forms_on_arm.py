"""Does every form of the exported graph give on ARM what it gives here, and what would it cost there?

    python -m tests.lab.forms_on_arm --folder /tmp/mqn-aarch64

Needs what `tests.lab.aarch64` needs, but for the compiler. Writes the default plan of a network with each kind of
attention in every form (no rewrite, all, all but one), and runs each file here and by LiteRT's aarch64 wheel under
qemu-user: as a processor without integer dot products, as one with them, and as one with 8-bit matrix products. Prints
how far the outputs lie apart, and beside it what a form costs as a model: operators that do something, and the bytes
that they read and write. What it costs in time no emulator tells.

Without SME: with it, by qemu 7.2, every 8-bit network comes out wrong in any form, off by up to 0.45 of 1. Whether qemu
or the kernels are wrong is not known; a processor that has SME should be tried before it is trusted.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mqn.export.lower.lowering import lower
from mqn.export.process import ExportProcess
from mqn.export.quantize.quantization import apply_plan
from mqn.records import Plan
from mqn.records.plan import LOWERINGS
from mqn.tflite.cutting import cut_tensor
from mqn.tflite.flatbuffer import Network
from tests.lab.aarch64 import QEMU, make_rootfs, make_site, say, write_cpuinfo
from tests.support.attention_networks import write_networks

SIZE = 64
MEAN, LARGEST = 5e-5, 0.02
"""What outputs may differ by: floats are added up in another order there, and a step of 8 bits may follow from it."""

PROCESSORS = {
    "cortex-a53": "without dot products",
    "cortex-a76": "with dot products",
    "max,sme=off": "with 8-bit matrix products",
}
FREE = ("RESHAPE",)
_BYTES = {0: 4, 1: 2, 2: 4, 3: 1, 9: 1}
"""Of a value by the schema's type: float32, float16, int32, uint8, int8."""

RUN = """
import sys
import numpy as np
from ai_edge_litert.interpreter import Interpreter

picture = np.load(sys.argv[1])
for name in sys.argv[2:]:
    interpreter = Interpreter(name, num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], picture)
    interpreter.invoke()
    np.save(name + sys.argv[0], interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A file, and what it costs as a model.

    Attributes:
        file: of the network in this form.
        operators: that move or compute something.
        moved_mb: what they read and write, weights included.
    """

    file: Path
    operators: int
    moved_mb: float


def write_forms(folder: Path) -> dict[tuple[str, str], Form]:
    """Every form by kind of attention and name."""
    wanted = {"none": (), "all": LOWERINGS}
    wanted |= {f"all but {name}": tuple(one for one in LOWERINGS if one != name) for name in LOWERINGS}
    pictures = np.random.default_rng(0).random((4, SIZE, SIZE, 3), dtype=np.float32)
    np.save(folder / "picture.npy", pictures[:1])
    forms = {}
    with ExportProcess() as exporter:
        networks = write_networks(folder, SIZE, exporter)
    for attention, float_file in networks.items():
        plan = Plan()
        (quantized,), _, _ = apply_plan(Network.read(float_file), cut_tensor(float_file, plan.cut), plan, pictures)
        for name, rewrites in wanted.items():
            network = quantized.copy()
            lower(network, rewrites)
            file = network.write(folder / f"{attention}-{name.replace(' ', '-')}.tflite")
            at_work = [one for one in network.operators if network.kind(one) not in FREE]
            moved = sum(_moved(network, [*one.inputs, *one.outputs]) for one in at_work) / 1e6
            forms[attention, name] = Form(file=file, operators=len(at_work), moved_mb=moved)
    return forms


def _moved(network: Network, tensors: list[int]) -> int:
    found = [network.tensors[index] for index in tensors if index >= 0]
    return sum(_BYTES.get(one.type, 1) * math.prod(int(side) for side in one.shape) for one in found)


def run_all(command: list[str], forms: dict[tuple[str, str], Form], picture: Path, mark: str) -> None:
    """Run every file in one process; outputs lie beside the files."""
    files = [str(form.file) for form in forms.values()]
    script = RUN.replace("sys.argv[0]", repr(mark))
    subprocess.run([*command, "-c", script, str(picture), *files], check=True, stdout=sys.stderr)


def main() -> int:
    """Compare.

    Returns:
        0 where every form is as near on ARM as it should be.
    """
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--folder", type=Path, required=True, help="for the root file system and the wheels")
    folder: Path = parser.parse_args().folder
    rootfs, site = folder / "rootfs", folder / "site"
    folder.mkdir(parents=True, exist_ok=True)
    make_rootfs(rootfs)
    write_cpuinfo(rootfs)
    make_site(site, folder / "wheels")
    with tempfile.TemporaryDirectory(prefix="mqn-forms-") as name:
        forms, picture = write_forms(Path(name)), Path(name) / "picture.npy"
        run_all([sys.executable], forms, picture, ".here.npy")
        os.environ["PYTHONPATH"] = str(site)
        near = True
        for processor, words in PROCESSORS.items():
            command = [QEMU, "-cpu", processor, "-L", str(rootfs), str(rootfs / "usr/bin/python3"), "-P"]
            run_all(command, forms, picture, f".{processor}.npy")
            say(f"{processor}, {words}:")
            near &= compare(forms, processor)
    say(f"as near as they should be: {near}")
    return 0 if near else 1


def compare(forms: dict[tuple[str, str], Form], processor: str) -> bool:
    """Tell how far outputs lie from those here; whether all of them are near."""
    near = True
    for (attention, name), form in forms.items():
        differences = np.abs(np.load(f"{form.file}.here.npy") - np.load(f"{form.file}.{processor}.npy"))
        largest, mean = float(differences.max()), float(differences.mean())
        near &= largest <= LARGEST and mean <= MEAN
        plain = forms[attention, "none"]
        say(
            f"  {attention:3} {name:16} largest difference {largest:.1e}, mean {mean:.0e}; model: {form.operators} "
            f"operators ({form.operators / plain.operators:.2f} of none), {form.moved_mb:.2f} MB moved "
            f"({form.moved_mb / plain.moved_mb:.2f})"
        )
    return near


if __name__ == "__main__":
    sys.exit(main())
