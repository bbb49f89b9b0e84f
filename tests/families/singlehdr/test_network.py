"""SingleHDR: its counts are the published ones, and each step undoes what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mqn.errors import WeightsError
from mqn.families.contract import build_network, find_family
from mqn.families.singlehdr.linearization import CurveFeatures, Response
from mqn.families.singlehdr.network import SingleHDR
from mqn.networks.cost import cost

FAMILY = find_family("singlehdr")


@pytest.fixture(scope="module")
def narrow() -> SingleHDR:
    torch.manual_seed(0)
    return SingleHDR(0.125).eval()


@pytest.mark.slow
def test_counts_are_the_published_ones() -> None:
    network = SingleHDR()
    counted = cost(network, FAMILY.arch(input_size=64))
    # Counted in the authors' network: 29.04 M and 56.26 GMAC. The paper of MQN says 29.01 M and 112.75 G, which is near
    # twice as many: FLOPs.
    assert sum(parameter.numel() for parameter in network.parameters()) == 29_036_815
    # With the moving statistics of batch norms.
    assert counted.parameters["total"] == 29_036_815 + 11_014
    # All but the eleven coefficients grows with the area.
    once = 512 * 11
    assert (counted.macs["total"] - once) * 16 + once == 56_255_190_528


def test_edges_are_sobels_and_mirrored_at_the_border() -> None:
    x = torch.zeros(1, 3, 4, 5)
    x[:, 1] = torch.tensor([0.0, 0, 1, 1, 1])
    edges = CurveFeatures()(x)[0, 3:9]
    # Down and right of red, green and blue: only green rises, and only to the right.
    assert edges[[0, 1, 2, 4, 5]].abs().max() == 0
    assert edges[3].tolist() == [[0, 4, 4, 0, 0]] * 4


def test_soft_histograms_say_how_near_the_bins_are() -> None:
    x = torch.tensor([0.0, 0.3, 1.0]).view(1, 3, 1, 1)
    features = CurveFeatures()(torch.nn.functional.pad(x, (0, 1, 0, 1), mode="replicate"))[0, :, 0, 0]
    assert len(features) == CurveFeatures.CHANNELS == 102
    assert features[:3].tolist() == x.flatten().tolist()
    fourths = features[9:24].reshape(5, 3)
    expected = torch.tensor([[1, 0, 0], [0, 0.8, 0], [0, 0.2, 0], [0, 0, 0], [0, 0, 1]])
    torch.testing.assert_close(fourths, expected, atol=1e-6, rtol=0)
    # Whatever the value, its bins share one between them.
    for start, stop in ((9, 24), (24, 51), (51, 102)):
        torch.testing.assert_close(features[start:stop].reshape(-1, 3).sum(0), torch.ones(3))


def curve_of(response: Response, shares: Tensor) -> np.ndarray:
    """The curve of given coefficients."""
    nn.init.zeros_(response.coefficients.weight)
    assert response.coefficients.bias is not None
    with torch.no_grad():
        response.coefficients.bias.copy_(shares)
        curve: np.ndarray = response(torch.zeros(1, response.coefficients.in_channels, 1, 1)).flatten().numpy()
    return curve


def test_no_coefficients_give_the_mean_curve() -> None:
    curve = curve_of(Response(4), torch.zeros(11))
    np.testing.assert_allclose(curve, np.linspace(0, 1, 1024) ** 2.2, atol=1e-6)


@pytest.mark.parametrize("size", [0.5, 5, 50])
def test_any_coefficients_give_a_curve_that_rises_from_0_to_1(size: float) -> None:
    response, shares = Response(4), size * torch.randn(11, generator=torch.Generator().manual_seed(0))
    curve = curve_of(response, shares)
    assert (curve[0], curve[-1]) == (0, 1)
    assert np.diff(curve).min() > -1e-5
    # The authors' words for it: every step is raised by what the steepest fall needs, the sum is scaled, summed up.
    steps = np.diff(response.mean.double().numpy() + response.basis.double().numpy() @ shares.double().numpy())
    steps += max(0, -steps.min())
    np.testing.assert_allclose(curve[1:], np.cumsum(steps) / steps.sum(), atol=2e-5)


def test_the_first_curves_are_of_length_1_and_at_right_angles() -> None:
    basis = Response(4).basis.double()
    torch.testing.assert_close(basis.T @ basis, torch.eye(11, dtype=torch.float64), atol=1e-6, rtol=0)
    assert basis[[0, -1]].abs().max() < 1e-6


@torch.no_grad()
def test_only_what_is_over_exposed_is_filled_in(narrow: SingleHDR) -> None:
    x = torch.rand(1, 3, 64, 128)
    x[..., :64] *= 0.5
    filled, light, codes = narrow.reversal(x).chunk(3, 1)
    below = light.amax(1, keepdim=True) <= 0.88
    assert 0 < below.float().mean() < 1
    torch.testing.assert_close(filled[below.expand_as(x)], light[below.expand_as(x)])
    assert (filled - light).max() > 1e-3
    assert 0 <= codes.min() < codes.max() <= 1
    assert 0 <= light.min() < light.max() <= 1
    assert narrow(x).min() >= 0


@torch.no_grad()
def test_the_narrowest_network_still_halves_its_resolution() -> None:
    assert SingleHDR(0.001).eval()(torch.rand(1, 3, 64, 64)).shape == (1, 3, 64, 64)


@torch.no_grad()
def test_pictures_of_one_batch_do_not_see_each_other(narrow: SingleHDR) -> None:
    pictures = torch.rand(2, 3, 64, 64)
    torch.testing.assert_close(narrow(pictures)[1:], narrow(pictures[1:]), atol=1e-4, rtol=1e-4)


def test_a_file_of_weights_brings_its_curves(narrow: SingleHDR, tmp_path: Path) -> None:
    state = narrow.state_dict() | {"reversal.linearization.response.mean": torch.linspace(0, 1, 1024)}
    torch.save(state, tmp_path / "weights.pth")
    loaded = build_network(FAMILY.arch(width=0.125, weights=str(tmp_path / "weights.pth")))  # type: ignore[call-arg]
    assert all(torch.equal(tensor, state[name]) for name, tensor in loaded.state_dict().items())
    del state["reversal.linearization.response.basis"]
    torch.save(state, tmp_path / "weights.pth")
    with pytest.raises(WeightsError, match=r"has no tensor reversal\.linearization\.response\.basis"):
        build_network(FAMILY.arch(width=0.125, weights=str(tmp_path / "weights.pth")))  # type: ignore[call-arg]


def test_a_step_of_training_lowers_the_loss() -> None:
    torch.manual_seed(0)
    network = SingleHDR(0.125)
    x = torch.rand(2, 3, 64, 64)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    losses = []
    for _ in range(2):
        loss = (network(x) - x**2.2).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[1] < losses[0]
