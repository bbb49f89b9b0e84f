"""Image-adaptive 3D LUT: its published size, what it is at first, and what it learns."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from mqn.families.contract import build_network
from mqn.families.lut3d.family import FAMILY, LUT3DArch
from mqn.networks.cost import cost


def network_of(**fields: int) -> nn.Module:
    torch.manual_seed(0)
    return build_network(LUT3DArch(**fields))  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("side", [16, 64])
def test_counts_are_the_published_ones_at_any_size(side: int) -> None:
    counted = cost(network_of(), LUT3DArch(input_size=side))
    # 0.270 M and 0.073 GMAC are those of the authors' classifier.
    assert counted.parameters == {"backbone": 270_083, "head": 3 * 3 * 33**3, "total": 593_516}
    assert counted.macs["backbone"] == 73_162_752
    # The sum of the tables is a convolution and counted as one; the look-up is none and is not.
    assert counted.macs["head"] == 3 * 3 * 33**3


def test_tables_and_bins_are_fields_with_a_range() -> None:
    network = network_of(luts=5, bins=9)
    assert network.get_parameter("luts.weight").shape == (3 * 9**3, 5, 1, 1)
    assert FAMILY.label(LUT3DArch(luts=5, bins=9)) == "5 x 9^3"
    for wrong, words in (({"luts": 0}, "luts 0 must be 1 to 32"), ({"bins": 66}, "bins 66 must be 2 to 65")):
        with pytest.raises(ValueError, match=words):
            LUT3DArch(**wrong)


@pytest.mark.slow
@torch.no_grad()
def test_at_first_a_picture_is_multiplied_by_one_number() -> None:
    network, picture = network_of(bins=5).eval(), torch.rand(2, 3, 6, 7)
    shares = network.get_submodule("classifier")(picture)
    assert shares.shape == (2, 3, 1, 1)
    torch.testing.assert_close(network(picture), picture * shares[:, :1])


@pytest.mark.slow
@torch.no_grad()
def test_the_classifier_is_blind_to_the_size_of_a_picture_of_one_colour() -> None:
    classifier = network_of().eval().get_submodule("classifier")
    small, large = (torch.full((1, 3, *size), 0.3) for size in ((5, 9), (300, 200)))
    # Norms of what hardly varies amplify rounding.
    torch.testing.assert_close(classifier(small), classifier(large), rtol=0, atol=1e-3)


@pytest.mark.slow
def test_training_moves_the_tables_where_the_picture_has_colours() -> None:
    network = network_of(bins=5).eval()  # Without the noise of dropout.
    # Reds up to the second of four steps, no green, no blue.
    picture = torch.rand(2, 3, 8, 8) * torch.tensor([0.5, 0.0, 0.0]).reshape(1, 3, 1, 1)
    truth = picture.sqrt()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)
    before = network.get_parameter("luts.weight").detach().clone()
    losses = []
    for _ in range(5):
        loss = nn.functional.l1_loss(network(picture), truth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]
    moved = (network.get_parameter("luts.weight").detach() != before).reshape(5, 5, 5, 3, 3)
    assert moved[0, 0, :3, 0].all()
    moved[0, 0, :3] = False
    assert not moved.any()


def test_weights_of_a_file_are_taken(tmp_path: Path) -> None:
    network = network_of(bins=3)
    nn.init.normal_(network.get_parameter("luts.weight"))
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    torch.manual_seed(1)
    loaded = build_network(LUT3DArch(bins=3, weights=str(tmp_path / "weights.pth"))).state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in network.state_dict().items())
