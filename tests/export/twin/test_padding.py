"""Paddings as Keras layers: the very numbers of torch, at every border."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mqn.errors import ExportError

pytestmark = pytest.mark.integration


class _ByFunction(nn.Module):
    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__()
        self.args, self.kwargs = args, kwargs

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, *self.args, **self.kwargs)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "padding",
    [
        nn.ReflectionPad2d(1),
        nn.ReflectionPad2d((1, 2, 3, 0)),
        nn.ZeroPad2d((1, 2, 0, 3)),
        _ByFunction((2, 1, 0, 0), mode="reflect"),
        _ByFunction((2, 1)),
        _ByFunction((0, 3, 2, 1), "reflect"),
        _ByFunction((1, 2, 3, 0)),
    ],
)
def test_a_padding_moves_pixels_and_changes_none(padding: nn.Module) -> None:
    from mqn.export.twin.twin import build_twin

    picture = torch.rand(2, 3, 5, 5)
    found = np.asarray(build_twin(padding, 5, batch_size=None).model(picture.permute(0, 2, 3, 1).numpy()))
    np.testing.assert_array_equal(found, padding(picture).permute(0, 2, 3, 1).numpy())


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(3, 1, 1), (5, 2, 2), ((3, 1), 1, (1, 0))])
def test_a_convolution_that_mirrors(kernel: int | tuple[int, int], stride: int, padding: int | tuple[int, int]) -> None:
    from mqn.export.twin.twin import build_twin

    torch.manual_seed(0)
    conv = nn.Conv2d(3, 4, kernel, stride, padding, padding_mode="reflect")
    network, picture = nn.Sequential(conv), torch.rand(2, 3, 7, 7)
    found = np.asarray(build_twin(network, 7, batch_size=None).model(picture.permute(0, 2, 3, 1).numpy()))
    np.testing.assert_allclose(found, network(picture).detach().permute(0, 2, 3, 1).numpy(), atol=1e-6)


@pytest.mark.parametrize(
    ("padding", "words"),
    [
        (
            _ByFunction((1, 1, 1, 1), mode="replicate"),
            "of mode 'replicate'; known: height, width and channels",
        ),
        (_ByFunction((1, 1, 1, 1), value=0.5), "or height and width mirrored"),
        (_ByFunction((-1, 0)), r"a padding that cuts off, \(-1, 0, 0, 0\)"),
        (nn.Sequential(nn.Conv2d(3, 3, 3, padding=1, padding_mode="circular")), "zeros or of mirrored pixels"),
    ],
)
def test_other_paddings_are_refused(padding: nn.Module, words: str) -> None:
    from mqn.export.twin.twin import build_twin

    with pytest.raises(ExportError, match=words):
        build_twin(padding, 8)
