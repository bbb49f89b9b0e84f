from __future__ import annotations

import numpy as np
import pytest
import torch

from mqn.errors import UnknownNameError, UsageError
from mqn.families.mqn.arch import MQNArch
from mqn.families.mqn.network import assemble
from mqn.features.attention import AttendedModel, look_at_attention
from mqn.features.channels import Choice
from mqn.features.views import AttentionView, Shown

PICTURE = Shown(name="noise", ldr=np.random.default_rng(0).random((32, 32, 3), dtype=np.float32))


@pytest.fixture(scope="module")
def trained() -> list[AttendedModel]:
    models = []
    for attention in ("none", "sa", "csa", "ca"):
        torch.manual_seed(1)
        arch = MQNArch(attention=attention, width=0.1, encoder_weights="random")  # type: ignore[arg-type]
        models.append(AttendedModel(name=f"run {attention}", arch=arch, codec="linear", network=assemble(arch).eval()))
    return models


@pytest.fixture(scope="module")
def view(trained: list[AttendedModel]) -> AttentionView:
    return look_at_attention(trained, None, PICTURE, Choice(count=3))


def _before_attention(model: AttendedModel) -> np.ndarray:
    """Features (C, H, W) as they go into the block's attention."""
    kept: list[torch.Tensor] = []
    hook = model.network.backbone.decoder.irlb_4.project.register_forward_hook(
        lambda _m, _i, output: kept.append(output)
    )
    with torch.no_grad():
        model.network(torch.from_numpy(PICTURE.ldr.transpose(2, 0, 1)[None].copy()))
    hook.remove()
    return kept[0][0].numpy()


@pytest.mark.slow
def test_a_row_a_network_in_the_order_given(view: AttentionView) -> None:
    assert [(row.model, row.attention) for row in view.figures.models] == [
        ("run none", "none"),
        ("run sa", "sa"),
        ("run csa", "csa"),
        ("run ca", "ca"),
    ]
    assert {row.shape for row in view.figures.models} == {(8, 8, 8)}
    assert all(maps.features.shape == (3, 8, 8) and maps.light.shape == (32, 32, 3) for maps in view.maps)


def test_gates_are_what_the_attention_multiplies_by(trained: list[AttendedModel], view: AttentionView) -> None:
    assert [None if maps.gates is None else maps.gates.shape for maps in view.maps] == [
        None,
        (1, 8, 8),
        (8, 8, 8),
        (8, 1, 1),
    ]
    for model, row, maps in zip(trained, view.figures.models, view.maps, strict=True):
        before = _before_attention(model)
        after = before if maps.gates is None else before * maps.gates
        np.testing.assert_allclose(maps.features, after[list(row.chosen)], rtol=1e-4, atol=1e-6)


def test_a_channels_figures(trained: list[AttendedModel], view: AttentionView) -> None:
    row, maps = view.figures.models[3], view.maps[3]
    assert maps.gates is not None
    values = _before_attention(trained[3]) * maps.gates
    channel = row.channels[2]
    assert channel.mean == pytest.approx(values[2].mean(), rel=1e-4, abs=1e-7)
    assert channel.spread == pytest.approx(values[2].std(), rel=1e-4)
    assert channel.largest == pytest.approx(np.abs(values[2]).max(), rel=1e-4)
    assert channel.gate == pytest.approx(float(maps.gates[2, 0, 0]))
    spread = [one.spread for one in row.channels]
    assert [spread[k] for k in row.chosen] == sorted(spread, reverse=True)[:3]
    assert all(one.gate is None for one in view.figures.models[0].channels)


def test_a_block_without_attention_has_no_gates(trained: list[AttendedModel]) -> None:
    view = look_at_attention(trained[3:], "interface", PICTURE, Choice(channels=(15, 0)))
    assert view.maps[0].gates is None
    assert view.figures.models[0].chosen == (15, 0)
    with torch.no_grad():
        features = trained[3].network.interface(torch.from_numpy(PICTURE.ldr.transpose(2, 0, 1)[None].copy()))[0]
    np.testing.assert_allclose(view.maps[0].features, features[[15, 0]].numpy(), rtol=1e-5)


def test_what_cannot_be_looked_at(trained: list[AttendedModel]) -> None:
    with pytest.raises(UnknownNameError, match=r"did you mean 'backbone.decoder.irlb_4'"):
        look_at_attention(trained[:1], "decoder.irlb_4", PICTURE, Choice())
    with pytest.raises(UsageError, match="channels 0 to 7"):
        look_at_attention(trained[:1], "backbone.decoder.irlb_4", PICTURE, Choice(channels=(8,)))
