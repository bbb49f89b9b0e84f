"""Decoding in Python, as samples have it, is that of the codecs."""

from __future__ import annotations

import numpy as np
import pytest

from mqn.hdr.codec import CODECS, decode, output_range
from mqn.report.bundle.samples.decoding import PYTHON, cpp, kotlin


@pytest.mark.parametrize("codec", CODECS)
def test_python(codec: str) -> None:
    low, high = output_range(codec)
    output, ldr = np.linspace(low, high, 48).reshape(4, 4, 3), np.linspace(0, 1, 48).reshape(4, 4, 3)
    names = {"np": np, "values": {"ldr": ldr[None]}, "code": np.clip((output - low) / (high - low), 0, 1)}
    exec(PYTHON[codec], names)
    np.testing.assert_allclose(names["linear"], decode(output, codec, ldr), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("codec", CODECS)
def test_texts_are_whole(codec: str) -> None:
    for text in (cpp(codec), kotlin(codec)):
        assert "{let}" not in text
        assert text.count("{") == text.count("}")
        assert max(map(len, text.splitlines())) <= 120
