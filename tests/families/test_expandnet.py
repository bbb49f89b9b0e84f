"""ExpandNet narrower than its paper has it."""

from __future__ import annotations

import pytest

from mqn.families.contract import build_network
from mqn.families.expandnet.family import FAMILY, ExpandNetArch


def test_fewer_features_are_a_smaller_network_by_its_label_and_key():
    whole, narrow = ExpandNetArch(), ExpandNetArch(features=16)
    counts = [sum(value.numel() for value in build_network(arch).parameters()) for arch in (whole, narrow)]
    assert counts == [456_899, 29_747]
    assert [FAMILY.label(arch) for arch in (whole, narrow)] == ["", "f16"]
    assert "features" not in whole.identity()  # Artifacts keep the keys that they had before this was a field.
    assert narrow.identity()["features"] == 16


@pytest.mark.parametrize("features", [0, 257])
def test_other_widths_are_refused(features):
    with pytest.raises(ValueError, match=r"features .* must be 1 to 256"):
        ExpandNetArch(features=features)
