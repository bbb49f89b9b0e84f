"""Which candidates share what the gate makes and measures."""

from __future__ import annotations

from typing import Any

import pytest

from mqn.records import Candidate
from mqn.search.gate.untrained import untrained_form


@pytest.mark.parametrize(
    "changes",
    [
        {"training.learning_rate": 1e-3, "training.seed": 5, "training.codec": "pq", "training.virtual_camera": 0.5},
        {"arch.encoder_weights": "random"},
        {"plan.calibration": "percentile", "plan.calibration_pictures": 64},
        {"plan.method": "qat", "plan.qat_steps": 500},
    ],
)
def test_what_has_no_effect_on_the_shape_of_the_file_is_left_out(changes: dict[str, Any]):
    assert untrained_form(Candidate().with_values(changes)) == untrained_form(Candidate())


@pytest.mark.parametrize(
    "changes",
    [
        {"arch.width": 0.5},
        {"arch.input_size": 128},
        {"plan.head": "float32"},
        {"plan.layout": "pair"},
        {"plan.rules": "block2.conv=float32"},
        {"plan.sparsity": 0.5},
    ],
)
def test_what_changes_the_file_makes_another(changes: dict[str, Any]):
    assert untrained_form(Candidate().with_values(changes)) != untrained_form(Candidate())


def test_a_network_has_a_codec_that_its_fields_leave():
    one_gain = Candidate().with_values({"arch.output_channels": 1, "training.codec": "gain"})
    assert untrained_form(one_gain).training.codec == "gain"
    assert untrained_form(one_gain) != untrained_form(one_gain.with_values({"arch.output_channels": 3}))


def test_a_family_has_a_codec_that_it_can_have():
    lhdr = Candidate().with_values({"arch.family": "lhdr", "training.codec": "gamma"})
    assert untrained_form(lhdr).training.codec == "gamma"
