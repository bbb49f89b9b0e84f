"""How a network's output becomes light, as code in Python, C++ and Kotlin, one text a codec.

All compute in float64 and in one order, so that Python and C++ give the same bytes. `mqn.hdr.codec` and `mqn.hdr.gains`
say what the codecs mean.
"""

from __future__ import annotations

import math

from mqn.hdr.codec import GAIN, GAMMA, LOG_DECADES, PQ_SCALE_NITS, is_relative, most_light, output_range
from mqn.hdr.gains import GAIN_OFFSET, GAIN_STOPS, LEAST_STOPS, RAMP
from mqn.hdr.reach import REACHABLE, TANH_LIMIT
from mqn.hdr.tonemap import MU
from mqn.hdr.transfer import PQ_PEAK_NITS, pq_encode
from mqn.records import Codec

_PQ_CODE = float(pq_encode(PQ_SCALE_NITS))
_PQ_PEAK = PQ_PEAK_NITS / PQ_SCALE_NITS

# ST 2084's constants as fractions, as the standard gives them.
_PYTHON_PQ = f"""\
root = (code * {_PQ_CODE!r}) ** (32 / 2523)
linear = {_PQ_PEAK!r} * (np.maximum(root - 107 / 128, 0) / ((2413 - 2392 * root) / 128)) ** (16384 / 2610)"""

_PYTHON_GAIN = f"""\
ldr = values["ldr"][0]
base = np.where(ldr <= 0.04045, ldr / 12.92, ((ldr + 0.055) / 1.055) ** 2.4) + {GAIN_OFFSET!r}
code = code * {REACHABLE[1] - REACHABLE[0]!r} + {REACHABLE[0]!r}
share = np.clip((ldr - {RAMP[0]!r}) / {RAMP[1] - RAMP[0]!r}, 0, 1)
share = share * share * (3 - 2 * share)
stops = {GAIN_STOPS / TANH_LIMIT!r} * (np.log(code / (1 - code)) - ldr)
stops += share.min(-1, keepdims=True) * (stops.mean(-1, keepdims=True) - stops)
gain = 2 ** np.clip(stops, {LEAST_STOPS!r} * share, {GAIN_STOPS!r} * share)
linear = np.maximum(base * gain - {GAIN_OFFSET!r}, 0)"""

PYTHON: dict[Codec, str] = {
    "linear": "linear = code",
    "mulaw": f"linear = np.expm1(code * np.log1p({MU!r})) / {MU!r}",
    "log": f"linear = 10.0 ** ({LOG_DECADES!r} * (code - 1))",
    "pq": _PYTHON_PQ,
    "light": "linear = code",
    "gamma": f"linear = code ** (1 / {GAMMA!r})",
    "gain": _PYTHON_GAIN,
}
"""`code`, an array in [0, 1], becomes `linear`; `gain` also looks at `values["ldr"]`."""

# The same for one value, in what C++ and Kotlin have in common but the word that declares a constant.
_ONE_VALUE = {
    "linear": "{let} linear = code;",
    "mulaw": f"{{let}} linear = expm1(code * log1p({MU!r})) / {MU!r};",
    "log": f"{{let}} linear = pow(10.0, {LOG_DECADES!r} * (code - 1));",
    "pq": f"""\
{{let}} root = pow(code * {_PQ_CODE!r}, 32.0 / 2523.0);
{{let}} share = max(root - 107.0 / 128.0, 0.0) / ((2413 - 2392 * root) / 128);
{{let}} linear = {_PQ_PEAK!r} * pow(share, 16384.0 / 2610.0);""",
    "light": "{let} linear = code;",
    "gamma": f"{{let}} linear = pow(code, 1 / {GAMMA!r});",
}

_CPP_GAIN = f"""\
  double stops[3], shares[3];
  for (int channel = 0; channel < 3; channel++) {{
    const double value = ldr[channel];
    const double reached = min(max((output[channel] - {REACHABLE[0]!r}) / {REACHABLE[1] - REACHABLE[0]!r}, 0.0), 1.0);
    const double code = reached * {REACHABLE[1] - REACHABLE[0]!r} + {REACHABLE[0]!r};
    const double share = min(max((value - {RAMP[0]!r}) / {RAMP[1] - RAMP[0]!r}, 0.0), 1.0);
    shares[channel] = share * share * (3 - 2 * share);
    stops[channel] = {GAIN_STOPS / TANH_LIMIT!r} * (log(code / (1 - code)) - value);
  }}
  const double white = min(min(shares[0], shares[1]), shares[2]);
  const double mean = (stops[0] + stops[1] + stops[2]) / 3;
  for (int channel = 0; channel < 3; channel++) {{
    const double value = ldr[channel];
    const double base = (value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4)) + {GAIN_OFFSET!r};
    const double own = stops[channel] + white * (mean - stops[channel]);
    const double least = {LEAST_STOPS!r} * shares[channel], most = {GAIN_STOPS!r} * shares[channel];
    const double factor = pow(2.0, min(max(own, least), most));
    light[channel] = float(max(base * factor - {GAIN_OFFSET!r}, 0.0));
  }}"""

_CPP_PLAIN = """\
  (void)ldr;
  for (int channel = 0; channel < 3; channel++) {{
    const double code = {clipped};
{lines}
    light[channel] = float(linear);
  }}"""

_KOTLIN_GAIN = f"""\
/** The most and the least gain of a value that is clipped, in stops. */
const val GAIN_STOPS = {GAIN_STOPS!r}f
const val LEAST_GAIN_STOPS = {LEAST_STOPS!r}f

/** Added to both sides of a gain, so that black has one. */
const val GAIN_OFFSET = {GAIN_OFFSET!r}f

/** A code value below the first has no gain, one above the second has it whole. */
const val RAMP_FROM = {RAMP[0]!r}f
const val RAMP_TO = {RAMP[1]!r}f

/** Gains in stops out of what the network gave for `ldr`. */
fun decoded(output: FloatArray, ldr: Picture) = ldr.map(3) {{ from, at, to, put ->
    for (channel in 0 until 3) {{
        val code = min(max(output[at + channel].toDouble(), {REACHABLE[0]!r}), {REACHABLE[1]!r})
        val stops = {GAIN_STOPS / TANH_LIMIT!r} * (log(code / (1 - code)) - from[at + channel])
        to[put + channel] = min(max(stops, -{GAIN_STOPS!r}), {GAIN_STOPS!r}).toFloat()
    }}
}}"""

_KOTLIN_PLAIN = """\
/** The most light that there is. */
const val MOST_LIGHT = {most}

/** Light out of what the network gave for `ldr`, 1.0 = {unit}. */
fun decoded(output: FloatArray, ldr: Picture) = ldr.map(3) {{ _, at, to, put ->
    for (channel in 0 until 3) {{
        val code = {clipped}
{lines}
        to[put + channel] = linear.toFloat()
    }}
}}"""


def unit(codec: Codec) -> str:
    """What 1.0 of the light is, in words."""
    return "the white of the input" if is_relative(codec) else "the picture's own white"


def cpp(codec: Codec) -> str:
    """The body of a function of `output` and `ldr`, three floats each, that sets `light`."""
    if codec == GAIN:
        return _CPP_GAIN
    return _CPP_PLAIN.format(clipped=_clipped("output[channel]", codec), lines=_lines(codec, "const double", 4))


def kotlin(codec: Codec) -> str:
    """A function `decoded` of the output and its picture, with the constants that stand for the codec."""
    if codec == GAIN:
        return _KOTLIN_GAIN
    most = f"{most_light(codec):g}f" if math.isfinite(most_light(codec)) else "Float.MAX_VALUE"
    return _KOTLIN_PLAIN.format(
        most=most, unit=unit(codec), clipped=_clipped("output[at + channel]", codec), lines=_lines(codec, "val", 8)
    )


def _clipped(value: str, codec: Codec) -> str:
    low, high = output_range(codec)
    code = f"max(({value} - {low!r}) / {high - low!r}, 0.0)"
    return f"min({code}, 1.0)" if math.isfinite(most_light(codec)) else code


def _lines(codec: Codec, let: str, indent: int) -> str:
    return "\n".join(" " * indent + line for line in _ONE_VALUE[codec].replace("{let}", let).splitlines())
