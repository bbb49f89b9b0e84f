"""Curves that a network predicts for each picture, applied to its pixels."""

from __future__ import annotations

from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function


def apply_curve(x: Tensor, curve: Tensor) -> Tensor:
    """Replace values by what a curve has for them, linearly between its samples. `torch.fx` sees it as one operation.

    Args:
        x: (N, C, H, W); what is beyond [0, 1] goes on along the first or last interval.
        curve: (N, S, 1, 1), the curve's values at 0, 1 / (S - 1), ..., 1, for each picture; S at least 2.

    Returns:
        (N, C, H, W). Gradients reach both.
    """
    if has_torch_function((x, curve)):
        found: Tensor = handle_torch_function(apply_curve, (x, curve), x, curve)
        return found
    intervals = curve.shape[1] - 1
    place = x * intervals
    before = place.detach().floor().clamp(0, intervals - 1)
    samples, index = curve.flatten(1), before.long().flatten(1)
    low, high = (samples.gather(1, number).reshape(x.shape) for number in (index, index + 1))
    return low + (place - before) * (high - low)
