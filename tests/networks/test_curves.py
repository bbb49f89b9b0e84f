"""Curves applied to pictures: numpy's interpolation, one curve a picture."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, fx, nn

from mqn.networks.curves import apply_curve


def test_values_lie_on_each_pictures_own_curve() -> None:
    rng = np.random.default_rng(0)
    x, curve = rng.random((2, 3, 4, 5), dtype=np.float32), rng.random((2, 7, 1, 1), dtype=np.float32)
    x[0, 0, 0, :2] = 0, 1
    found = apply_curve(torch.from_numpy(x), torch.from_numpy(curve)).numpy()
    places = np.linspace(0, 1, 7)
    expected = [np.interp(picture, places, samples.ravel()) for picture, samples in zip(x, curve, strict=True)]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_beyond_its_ends_a_curve_goes_on() -> None:
    x = torch.tensor([-0.5, 1.25]).view(1, 1, 1, 2)
    curve = torch.tensor([0.0, 1.0, 3.0]).view(1, 3, 1, 1)
    assert apply_curve(x, curve).flatten().tolist() == [-1, 4]


def test_gradients_reach_picture_and_curve() -> None:
    x = torch.tensor([0.125]).view(1, 1, 1, 1).requires_grad_()
    curve = torch.tensor([0.0, 1.0, 3.0]).view(1, 3, 1, 1).requires_grad_()
    apply_curve(x, curve).sum().backward()
    assert x.grad is not None
    assert curve.grad is not None
    assert x.grad.item() == 2
    assert curve.grad.flatten().tolist() == [0.75, 0.25, 0]


class _Curved(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return apply_curve(x, x.mean((2, 3), keepdim=True))


def test_a_trace_has_it_as_one_operation() -> None:
    traced = fx.symbolic_trace(_Curved())
    assert [node.target for node in traced.graph.nodes if node.op == "call_function"] == [apply_curve]
    x = torch.rand(2, 3, 4, 4)
    torch.testing.assert_close(traced(x), _Curved()(x))
