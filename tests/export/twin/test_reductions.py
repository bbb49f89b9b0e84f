"""Operations that families use, each by itself: the twin computes what torch computes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mqn.errors import ExportError
from mqn.export.twin.twin import build_twin

SIDE = 8
SOBEL = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]).expand(2, 3, 3, 3)


class _Only(nn.Module):
    """One operation, on values of both signs."""

    def __init__(self, operation: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.operation = operation

    def forward(self, x: Tensor) -> Tensor:
        return self.operation(x * 4 - 2)


@pytest.mark.parametrize(
    "operation",
    [
        lambda x: x.mean(1, keepdim=True),
        lambda x: torch.mean(x, (-3,), True),
        lambda x: torch.amax(x, 1, keepdim=True),
        lambda x: x.amax(dim=(1,), keepdim=True),
        torch.exp,
        lambda x: x.exp(),
        torch.abs,
        lambda x: F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), SOBEL),
        lambda x: F.relu(1 - F.conv2d(x, torch.ones(5, 3, 1, 1), -torch.arange(5.0)).abs()),
        lambda x: F.pad(x, (1, 2, 3, 4, 5, 6)),
        lambda x: F.pad(x, (0, 1), value=0.0),
    ],
)
def test_the_twin_computes_what_torch_computes(operation: Callable[[Tensor], Tensor]) -> None:
    picture = np.random.default_rng(0).random((2, SIDE, SIDE, 3), dtype=np.float32)
    expected = _Only(operation)(torch.from_numpy(picture.transpose(0, 3, 1, 2).copy()))
    found = np.asarray(build_twin(_Only(operation), SIDE, batch_size=None).model(picture))
    np.testing.assert_allclose(found, expected.numpy().transpose(0, 2, 3, 1), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        (lambda x: x.mean(2, keepdim=True), "a mean over 2"),
        (lambda x: x.mean(1), "a mean over 1"),
        (lambda x: torch.amax(x, (2, 3), keepdim=True), r"a maximum over \(2, 3\)"),
    ],
)
def test_other_axes_are_refused(operation: Callable[[Tensor], Tensor], words: str) -> None:
    with pytest.raises(ExportError, match=f"cannot export {words}"):
        build_twin(_Only(operation), SIDE)
