"""The whole network: sizes, ranges, cost, cuts."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal, get_args

import pytest
import torch

from mqn.families.mqn.arch import Attention, MQNArch, Upsampling
from mqn.families.mqn.encoder import Encoder
from mqn.families.mqn.network import MQN
from mqn.models.mqn import build
from mqn.networks.cost import cost, cuts, pair_cuts
from mqn.networks.graph import separating_cut_nodes, trace

ARCH = MQNArch(encoder_weights="random")
PARAMETERS = {"none": 897_200, "sa": 897_284, "csa": 898_084, "ca": 899_240}


@pytest.fixture(scope="module")
def model() -> MQN:
    torch.manual_seed(0)
    return build(ARCH).eval()


def test_taps_have_the_channels_of_the_reference(model: MQN) -> None:
    taps = model.backbone.encoder(torch.rand(1, 3, 64, 64))
    assert [tap.shape[1] for tap in taps] == [48, 48, 96, 192, 112]
    assert [tap.shape[2] for tap in taps] == [32, 16, 8, 4, 2]


@pytest.mark.parametrize(
    ("width", "taps", "parameters"),
    [
        # Keras's MobileNetV2(alpha=width, include_top=False) without Conv_1, statistics included.
        (0.2, (48, 48, 48, 144, 64), 113_296),
        (0.5, (48, 96, 96, 288, 160), 496_304),
        (1.0, (96, 144, 192, 576, 320), 1_843_264),
        (1.3, (144, 192, 240, 768, 416), 3_067_168),
    ],
)
def test_encoders_of_other_widths_are_keras_s(width: float, taps: tuple[int, ...], parameters: int) -> None:
    encoder = Encoder(width)
    statistics = sum(buffer.numel() for name, buffer in encoder.named_buffers() if "running" in name)
    assert encoder.tap_channels == taps
    assert sum(parameter.numel() for parameter in encoder.parameters()) + statistics == parameters


@pytest.mark.slow
@pytest.mark.parametrize("attention", get_args(Attention))
def test_parameters_are_those_of_the_reference(attention: Attention) -> None:
    arch = MQNArch(attention=attention, encoder_weights="random", input_size=32)
    counted = cost(build(arch), arch).parameters
    assert counted == {"backbone": PARAMETERS[attention], "head": 1_872, "total": PARAMETERS[attention] + 1_872}


def test_batch_norm_statistics_are_counted_as_keras_counts_them(model: MQN) -> None:
    statistics = sum(buffer.numel() for name, buffer in model.named_buffers() if "running" in name)
    assert statistics == 25_680
    trainable = sum(parameter.numel() for parameter in model.parameters())
    assert cost(model, ARCH).parameters["total"] == trainable + statistics


def test_macs_are_those_of_the_reference() -> None:
    arch = MQNArch(attention="none", encoder_weights="random")
    macs = cost(build(arch), arch).macs
    assert macs == {"backbone": 433_501_184, "head": 119_144_448, "total": 552_645_632}


def test_layer_macs_by_hand(model: MQN) -> None:
    layers = {layer.name: layer for layer in cost(model, replace(ARCH, input_size=64)).layers}
    assert layers["backbone.encoder.conv1.conv"].macs == 32 * 32 * 16 * 3 * 9
    assert layers["backbone.encoder.block_0.depthwise.conv"].macs == 32 * 32 * 16 * 9
    assert layers["head.conv1.norm"].macs == 0
    assert layers["head.conv1.norm"].parameters == 24


@pytest.mark.parametrize("upsampling", get_args(Upsampling))
def test_output_keeps_the_size_and_lies_in_the_reachable_interval(upsampling: Upsampling) -> None:
    arch = MQNArch(width=0.5, decoder_width=0.5, head_channels=6, upsampling=upsampling, encoder_weights="random")
    output = build(arch)(torch.rand(2, 3, 32, 64))
    assert output.shape == (2, 3, 32, 64)
    assert output.min() > 1 / (1 + math.e)
    assert output.max() < 1 / (1 + math.exp(-2))


def test_interface_is_what_the_head_gets(model: MQN) -> None:
    x = torch.rand(1, 3, 32, 32)
    assert model.interface(x).shape == (1, 16, 32, 32)
    torch.testing.assert_close(model.head(model.interface(x), x), model(x))


def test_every_block_can_be_cut_off(model: MQN) -> None:
    names = cuts(model, ARCH)
    separating = pair_cuts(model, ARCH)
    assert [name for name in names if name in separating] == separating
    for name in ("backbone.decoder.irlb_8", "backbone.decoder.irlb_8.expand", "backbone.encoder.block_2"):
        assert name in names
    # The last block of the decoder is the interface, the decoder gives nothing else, and the head's output is the end.
    assert not {"backbone.decoder.conv3", "backbone.decoder", "backbone", "head"} & set(names)


def test_two_files_are_cut_from_the_front_to_the_back(model: MQN) -> None:
    assert pair_cuts(model, ARCH) == [
        "backbone.encoder.conv1",
        "backbone.encoder.block_0.depthwise",
        "backbone.encoder.block_0",
        "backbone.encoder.block_1.expand",
        "backbone.decoder.conv2",
        "interface",
        "head.conv1",
        "head.conv2",
        "head.conv3",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("attention", get_args(Attention))
def test_everything_behind_a_cut_needs_only_the_cut_and_the_input(attention: Attention) -> None:
    model = build(MQNArch(attention=attention, encoder_weights="random"))
    traced, _ = trace(model)
    result = next(node for node in traced.graph.nodes if node.op == "output").all_input_nodes[0]
    for name, cut in separating_cut_nodes(model, "backbone").items():
        in_front = _leading_to(cut.name, traced, stop=None) - {cut.name, "x"}
        behind = _leading_to(result.name, traced, stop=cut.name) - {cut.name, "x"}
        assert in_front, name
        assert behind, name
        assert not in_front & behind, name


def test_a_tensor_beside_a_skip_makes_no_two_files(model: MQN) -> None:
    traced, outputs = trace(model)
    result = next(node for node in traced.graph.nodes if node.op == "output").all_input_nodes[0]
    beside = outputs["backbone.encoder.block_2"].name
    in_front = _leading_to(beside, traced, stop=None) - {beside, "x"}
    assert in_front & _leading_to(result.name, traced, stop=beside)
    assert "backbone.encoder.block_2" in cuts(model, ARCH)
    assert "backbone.encoder.block_2" not in pair_cuts(model, ARCH)


def _leading_to(name: str, traced: torch.fx.GraphModule, *, stop: str | None) -> set[str]:
    """Names of all nodes that `name` is computed from, looking no further than `stop`."""
    nodes = {node.name: node for node in traced.graph.nodes}
    found, waiting = set(), [name]
    while waiting:
        current = waiting.pop()
        if current not in found:
            found.add(current)
            if current != stop:
                waiting.extend(node.name for node in nodes[current].all_input_nodes)
    return found


def test_same_seed_same_weights() -> None:
    states = []
    for _ in range(2):
        torch.manual_seed(3)
        states.append(build(MQNArch(encoder_weights="random")).state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


@torch.no_grad()
@pytest.mark.parametrize("scale", [2, 4])
def test_a_small_gain_is_that_of_the_whole_head_averaged_and_enlarged(model: MQN, scale: Literal[2, 4]) -> None:
    torch.manual_seed(0)
    coarse = build(replace(ARCH, gain_scale=scale)).eval()
    coarse.load_state_dict(model.state_dict())  # There are no further weights.
    picture = torch.rand(1, 3, 64, 96)
    fine, found = (torch.logit(network(picture)) - picture for network in (model, coarse))
    averaged = torch.nn.functional.avg_pool2d(fine, scale)
    wanted = torch.nn.functional.interpolate(averaged, scale_factor=scale, mode="bilinear")
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize("scale", [1, 4])
def test_one_output_channel_is_added_to_all_three(model: MQN, scale: Literal[1, 4]) -> None:
    torch.manual_seed(0)
    single = build(replace(ARCH, gain_scale=scale, output_channels=1)).eval()
    state = model.state_dict()
    state["head.conv3.weight"] = state["head.conv3.weight"][:1]
    single.load_state_dict(state)
    first = build(replace(ARCH, gain_scale=scale)).eval()
    first.load_state_dict(model.state_dict())
    picture = torch.rand(1, 3, 64, 96)
    found, wanted = (torch.logit(network(picture)) - picture for network in (single, first))
    torch.testing.assert_close(found, wanted[:, :1].expand(1, 3, 64, 96), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("field", "value"), [("gain_scale", 4), ("output_channels", 1)])
def test_artifacts_keep_their_keys_from_before_there_was_such_a_field(field: str, value: int) -> None:
    assert field not in ARCH.identity()
    assert MQNArch(encoder_weights="random", **{field: value}).identity()[field] == value  # type: ignore[arg-type]
