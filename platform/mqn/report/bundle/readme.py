"""A bundle's README: plain Python that runs the model outside this project."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

from mqn.hdr.codec import most_light, output_range
from mqn.records import Codec
from mqn.report.bundle.samples.decoding import PYTHON, unit
from mqn.text.markdown import escape


def example(files: Sequence[str], codec: Codec, input_size: int) -> str:
    """Write Python that turns `input.png` into `output.pfm` with numpy, Pillow and ai-edge-litert only.

    It has ten lines; eighteen for the codec `gain`.
    """
    low, high = output_range(codec)
    most = "1" if math.isfinite(most_light(codec)) else "None"
    return f"""\
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image
values = {{"ldr": np.float32(Image.open("input.png").convert("RGB").resize(({input_size}, {input_size})))[None] / 255}}
for run in [Interpreter(file).get_signature_runner() for file in {json.dumps(list(files))}]:
    values |= run(**{{name: values[name] for name in run.get_input_details()}})
code = np.clip((values["hdr"][0] - {low!r}) / {high - low!r}, 0, {most})
{PYTHON[codec]}
open("output.pfm", "wb").write(b"PF\\n{input_size} {input_size}\\n-1.0\\n" + linear[::-1].astype("<f4").tobytes())
"""


def readme(name: str, files: Sequence[str], codec: Codec, input_size: int, whose: str = "") -> str:
    """Write the whole README in Markdown; arguments as of `example`, the model's name, and whose files these are."""
    low, high = output_range(codec)
    order = "one file" if len(files) == 1 else "two files, run one behind the other"
    listed = ", ".join(f"`{file}`" for file in files)
    tuned = f"{whose}\n\n" if whose else ""
    return f"""\
# {escape(name)}

Turns an 8-bit picture into an HDR picture. The model is {order}: {listed}.

{tuned}| | |
| --- | --- |
| input `ldr` | 1 x {input_size} x {input_size} x 3, float32, sRGB code values in [0, 1] |
| output `hdr` | the same shape, float32, code values of the codec `{codec}`, {low:.4f} to {high:.4f} |
| linear light | after the decoding below: relative, 1.0 is {unit(codec)}, not a luminance in cd/m2 |

In this folder, with `pip install ai-edge-litert numpy pillow` and a picture `input.png`:

```python
{example(files, codec, input_size)}```

`samples/` has the same without Pillow, in C++, and as an Android app that writes Ultra HDR; its README says how each
is built. `mqn bundle verify FOLDER` checks that every file is whole, and that the model gives here what it gave where
the bundle was written. `mqn bundle diff A B` says how two bundles differ.

| file | what it is |
| --- | --- |
| `MODEL_CARD.md` | intended use, accuracy beside doing nothing, data and their licence, cost |
| `pictures.png` | pictures: input, float network, these files, truth; some bundles have none |
| `scores.json`, `measurement.json` | accuracy and latency as they were measured |
| `verification.json` | the same, found again when the bundle was written; some bundles have none |
| `sbom.json` | packages that took part, their licences, the data (CycloneDX 1.6) |
| `trial.json`, `manifest.json` | the trial's record; every file's SHA-256 and what the model was made from |

The TFLite files have the signature `serving_default` and LiteRT's metadata: name, licence, how values are normalised.
The metadata were added when the bundle was written. `measured_files` in `manifest.json` has the hashes of the files
without them, as they were scored and measured; both give the same, bit by bit.
"""
