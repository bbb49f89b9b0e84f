"""Figures of gain maps."""

from __future__ import annotations

import pytest

from mqn.hdr.gain_map.metadata import GainMapMetadata


@pytest.fixture
def grey() -> GainMapMetadata:
    return GainMapMetadata(
        minimum=(-0.5,) * 3, maximum=(2.25,) * 3, base_offset=(0.015625,) * 3, alternate_offset=(0.03125,) * 3,
        alternate_headroom=2.0,
    )  # fmt: skip


@pytest.fixture
def coloured() -> GainMapMetadata:
    return GainMapMetadata(
        minimum=(-0.5, 0.0, 0.25), maximum=(1.0, 2.0, 3.0), gamma=(1.0, 1.5, 2.0), base_offset=(0.0, 0.5, 0.25),
        alternate_offset=(0.25, 0.0, 0.5), base_headroom=0.5, alternate_headroom=3.0,
    )  # fmt: skip
