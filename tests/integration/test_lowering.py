"""Every form of the exported graph gives the same numbers: 40 random plans on networks with each kind of attention.

Rewrites only move values, bit by bit, but for `norms`, which adds floats up in another order. Where integers follow a
norm, one value in thousands then rounds to the next step.
"""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from tests.support.attention_networks import ATTENTIONS, draw_plans, write_networks

from mqn.errors import PlanError
from mqn.export.lower.lowering import lower
from mqn.export.process import ExportProcess
from mqn.export.quantize.audit import audit_file
from mqn.export.quantize.quantization import apply_plan
from mqn.families.mqn.arch import Attention
from mqn.infer.interpreter import open_interpreter, run
from mqn.records import Plan
from mqn.records.plan import LOWERINGS
from mqn.tflite.cutting import cut_tensor
from mqn.tflite.flatbuffer import Network

pytestmark = pytest.mark.integration

SIZE = 64
MEAN, LARGEST = 5e-5, 0.02
"""Of the output's differences where a norm is added up in another order: the largest is a step of 8 bits or two."""

MOVES = [name for name in LOWERINGS if name != "norms"]
PLANS = dict(zip(ATTENTIONS, (13, 13, 14), strict=True))


@pytest.fixture(scope="module")
def floats(exporter: ExportProcess, tmp_path_factory: pytest.TempPathFactory) -> dict[Attention, Path]:
    return write_networks(tmp_path_factory.mktemp("networks"), SIZE, exporter)


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    return np.random.default_rng(0).random((4, SIZE, SIZE, 3), dtype=np.float32)


def predict(network: Network, pictures: np.ndarray) -> np.ndarray:
    return run(open_interpreter(network.to_bytes()), {"ldr": pictures[:1]})["hdr"]


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_every_form_of_random_plans_gives_the_same_numbers(
    floats: dict[Attention, Path], pictures: np.ndarray, attention: Attention
) -> None:
    generator, found = random.Random(attention), 0
    network, tensor = Network.read(floats[attention]), cut_tensor(floats[attention], Plan().cut)
    for plan in draw_plans(generator):
        try:
            (quantized,), _, _ = apply_plan(network, tensor, plan, pictures)
        except PlanError:
            continue
        expected = predict(quantized, pictures)
        some = [name for name in MOVES if generator.random() < 0.5]
        for rewrites in (MOVES, some, LOWERINGS):
            lowered = quantized.copy()
            lower(lowered, rewrites)
            differences = np.abs(predict(lowered, pictures) - expected)
            largest, mean = (LARGEST, MEAN) if "norms" in rewrites else (0.0, 0.0)
            told = f"{plan.label}, {rewrites}: {differences.max()}, on average {differences.mean()}"
            assert differences.max() <= largest, told
            assert differences.mean() <= mean, told
        found += 1
        if found == PLANS[attention]:
            break


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_the_delegate_takes_a_lowered_file_whole(
    floats: dict[Attention, Path], pictures: np.ndarray, attention: Attention, tmp_path: Path
) -> None:
    network, tensor = Network.read(floats[attention]), cut_tensor(floats[attention], Plan().cut)
    (quantized,), _, _ = apply_plan(network, tensor, Plan(), pictures)
    # `phases` and `doubling` are there because the delegate does not take what they rewrite.
    for rewrites in (LOWERINGS, ("phases", "doubling"), ("phases", "doubling", "norms")):
        lowered = quantized.copy()
        lower(lowered, rewrites)
        audit = audit_file(lowered.write(tmp_path / "model.tflite"))
        assert (audit.partitions, audit.delegated) == (1, audit.operators), rewrites
