"""A bundle's README: plain Python that runs the model outside this project."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

from mqn.hdr.codec import GAMMA, LOG_DECADES, PQ_SCALE_NITS, is_relative, most_light, output_range
from mqn.hdr.gains import GAIN_OFFSET, GAIN_STOPS, LEAST_STOPS, RAMP
from mqn.hdr.reach import REACHABLE, TANH_LIMIT
from mqn.hdr.tonemap import MU
from mqn.hdr.transfer import PQ_PEAK_NITS, pq_encode
from mqn.records import Codec
from mqn.text.markdown import escape

_PQ_PEAK = PQ_PEAK_NITS / PQ_SCALE_NITS
# ST 2084's constants as fractions, as the standard gives them.
_PQ = f"""\
root = (code * {{scale_code!r}}) ** (32 / 2523)
linear = {_PQ_PEAK!r} * (np.maximum(root - 107 / 128, 0) / ((2413 - 2392 * root) / 128)) ** (16384 / 2610)"""

_GAIN = f"""\
ldr = values["ldr"][0]
base = np.where(ldr <= 0.04045, ldr / 12.92, ((ldr + 0.055) / 1.055) ** 2.4) + {GAIN_OFFSET!r}
code = code * {REACHABLE[1] - REACHABLE[0]!r} + {REACHABLE[0]!r}
share = np.clip((ldr - {RAMP[0]!r}) / {RAMP[1] - RAMP[0]!r}, 0, 1)
share *= share * (3 - 2 * share)
stops = {GAIN_STOPS / TANH_LIMIT!r} * (np.log(code / (1 - code)) - ldr)
stops += share.min(-1, keepdims=True) * (stops.mean(-1, keepdims=True) - stops)
gain = 2 ** np.clip(stops, {LEAST_STOPS!r} * share, {GAIN_STOPS!r} * share)
linear = np.maximum(base * gain - {GAIN_OFFSET!r}, 0)"""

_DECODE: dict[Codec, str] = {
    "linear": "linear = code",
    "mulaw": f"linear = np.expm1(code * np.log1p({MU!r})) / {MU!r}",
    "log": f"linear = 10.0 ** ({LOG_DECADES!r} * (code - 1))",
    "pq": _PQ,
    "light": "linear = code",
    "gamma": f"linear = code ** (1 / {GAMMA!r})",
    "gain": _GAIN,
}


def example(files: Sequence[str], codec: Codec, input_size: int) -> str:
    """Write Python that turns `input.png` into `output.pfm` with numpy, Pillow and ai-edge-litert only.

    It has ten lines; eighteen for the codec `gain`.
    """
    low, high = output_range(codec)
    most = "1" if math.isfinite(most_light(codec)) else "None"
    decode = _DECODE[codec].format(scale_code=float(pq_encode(PQ_SCALE_NITS)))
    return f"""\
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image
values = {{"ldr": np.float32(Image.open("input.png").convert("RGB").resize(({input_size}, {input_size})))[None] / 255}}
for run in [Interpreter(file).get_signature_runner() for file in {json.dumps(list(files))}]:
    values |= run(**{{name: values[name] for name in run.get_input_details()}})
code = np.clip((values["hdr"][0] - {low!r}) / {high - low!r}, 0, {most})
{decode}
open("output.pfm", "wb").write(b"PF\\n{input_size} {input_size}\\n-1.0\\n" + linear[::-1].astype("<f4").tobytes())
"""


def readme(name: str, files: Sequence[str], codec: Codec, input_size: int, whose: str = "") -> str:
    """Write the whole README in Markdown; arguments as of `example`, the model's name, and whose files these are."""
    low, high = output_range(codec)
    order = "one file" if len(files) == 1 else "two files, run one behind the other"
    listed = ", ".join(f"`{file}`" for file in files)
    unit = "the white of the input" if is_relative(codec) else "the picture's own white"
    tuned = f"{whose}\n\n" if whose else ""
    return f"""\
# {escape(name)}

Turns an 8-bit picture into an HDR picture. The model is {order}: {listed}.

{tuned}| | |
| --- | --- |
| input `ldr` | 1 x {input_size} x {input_size} x 3, float32, sRGB code values in [0, 1] |
| output `hdr` | the same shape, float32, code values of the codec `{codec}`, {low:.4f} to {high:.4f} |
| linear light | after the decoding below: relative, 1.0 is {unit}, not a luminance in cd/m2 |

In this folder, with `pip install ai-edge-litert numpy pillow` and a picture `input.png`:

```python
{example(files, codec, input_size)}```

`manifest.json` names every file's SHA-256 and what the model was made from; `scores.json` and `measurement.json` hold
accuracy and latency as they were measured, `MODEL_CARD.md` tells them for people.
"""
