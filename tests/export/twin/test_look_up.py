"""Look-ups and deviations in the twin: torch's numbers, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mqn.errors import ExportError
from mqn.networks.look_up import look_up

pytestmark = pytest.mark.integration

SIDE = 6


class _LookUp(nn.Module):
    """Tables that the picture decides, looked up in beyond 0 and 1 too."""

    def __init__(self, bins: int) -> None:
        super().__init__()
        self.bins = bins
        self.table = nn.Conv2d(3, 3 * bins**3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return look_up(x * 1.5 - 0.25, self.table(x.mean((2, 3), keepdim=True)), self.bins)


class _Only(nn.Module):
    def __init__(self, operation: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.operation = operation

    def forward(self, x: Tensor) -> Tensor:
        return self.operation(x)


def twin_and_torch(network: nn.Module, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from mqn.export.twin.twin import build_twin

    with torch.no_grad():
        expected = network(torch.from_numpy(picture.transpose(0, 3, 1, 2).copy())).numpy().transpose(0, 2, 3, 1)
    return np.asarray(build_twin(network, SIDE, batch_size=None).model(picture)), expected


@pytest.mark.parametrize("bins", [2, 3, 9])
def test_a_look_up(bins: int) -> None:
    torch.manual_seed(bins)
    picture = np.random.default_rng(0).random((2, SIDE, SIDE, 3), dtype=np.float32)
    # Entries of the table and the ends themselves, which lie in two cells or in the last.
    picture[0, 0] = np.linspace(1 / 6, 5 / 6, SIDE, dtype=np.float32)[:, None]
    found, expected = twin_and_torch(_LookUp(bins), picture)
    assert expected.std() > 0.1
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_a_deviation() -> None:
    picture = np.random.default_rng(0).random((2, SIDE, SIDE, 3), dtype=np.float32)
    network = _Only(lambda x: x * torch.std(x, (2, 3), correction=0, keepdim=True))
    np.testing.assert_allclose(*twin_and_torch(network, picture), atol=1e-6)


class _FixedTable(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.rand(1, 24, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return look_up(x, self.table, 2)


def test_a_look_up_in_a_fixed_table_is_refused() -> None:
    from mqn.export.twin.twin import build_twin

    with pytest.raises(ExportError, match="cannot export a look-up in tables that no picture decides"):
        build_twin(_FixedTable(), SIDE)


@pytest.mark.parametrize(
    "operation",
    [
        lambda x: x * torch.std(x, (2, 3), keepdim=True),
        lambda x: x * x.std((1, 2), correction=0, keepdim=True),
        lambda x: x * torch.std(x, (2, 3), correction=0)[..., None, None],
    ],
)
def test_other_deviations_are_refused(operation: Callable[[Tensor], Tensor]) -> None:
    from mqn.export.twin.twin import build_twin

    with pytest.raises(ExportError, match="cannot export a standard deviation but that over height and width"):
        build_twin(_Only(operation), SIDE)
