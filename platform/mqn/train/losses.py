"""The losses of section 3.3 and their sum, Eq. 2.

They compare the network's output with the truth as the codec writes it into the same range, both (N, 3, H, W). Where
the paper leaves the scale open, pictures of different size are made to count alike:

* L1 is the mean absolute difference, the norm over the number of values;
* L2 is the root mean square of each picture's differences, its norm over the square root of that number, then the mean
  over the batch. (The authors' code squares instead; the paper has the norm.)
* the cosine is taken pixel by pixel, as in the paper. (The authors' code takes one over the whole batch.)
* feature reconstruction is the sum over pools of the mean absolute difference of features, in units of the picture
  (VGG16 sees 0 to 255, so its features are divided by 255). The codec's affine map is undone first: VGG16 sees pictures
  that span [0, 1].

An over-exposed input does not say how bright the truth's 99.9 % point is. A wrong guess moves the whole picture by one
amount (under the `log` codec by one factor of light), which hides errors from place to place. `scale_invariance` is the
share of a picture's mean difference that is removed before anything is compared, as in the scale-invariant error of
Eigen, Puhrsch and Fergus (2014, Eq. 4). The paper has none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mqn.hdr.reach import REACHABLE
from mqn.networks.vgg import VGG16

_VGG16_RANGE = 255.0
_COSINE_EPSILON = 1e-6


class TrainingLoss(nn.Module):
    """Eq. 2: the weighted sum of L1, L2, cosine and feature reconstruction."""

    def __init__(
        self,
        weights: Mapping[str, float] = MappingProxyType({"l1": 1.0, "l2": 1.0, "cosine": 0.1}),
        *,
        extractor: VGG16 | None = None,
        scale_invariance: float = 0.0,
        output_range: tuple[float, float] = REACHABLE,
    ) -> None:
        """Fix the weights.

        Args:
            weights: lambda by name: of `LOSSES`, or `features`; a loss that is not named has weight 0.
            extractor: makes the features; needed where `features` has a weight above 0.
            scale_invariance: share of each picture's mean difference that does not count, 0 to 1.
            output_range: of the codec (`mqn.hdr.codec.output_range`).

        Raises:
            ValueError: features are weighted and there is no extractor.
        """
        super().__init__()
        if weights.get("features") and extractor is None:
            raise ValueError("features have a weight above 0, so an extractor is needed")
        self.weights = dict(weights)
        self.extractor = extractor if weights.get("features") else None
        self.scale_invariance = scale_invariance
        self.output_range = output_range

    def forward(self, output: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """Compare a batch.

        Args:
            output: (N, 3, H, W), the network's.
            truth: the same shape, encoded by the codec.

        Returns:
            Scalars, float32: `loss`, and by name the losses not yet weighted; `features` only where VGG16 takes part.
        """
        if self.scale_invariance:
            with torch.autocast(output.device.type, enabled=False):
                difference = (output.float() - truth.float()).mean(dim=(1, 2, 3), keepdim=True)
                output = output - self.scale_invariance * difference
        terms = {}
        if self.extractor is not None:
            terms["features"] = feature_reconstruction(self.extractor, output, truth, self.output_range)
        with torch.autocast(output.device.type, enabled=False):
            terms = {name: compare(output.float(), truth.float()) for name, compare in LOSSES.items()} | terms
            first, *others = (self.weights.get(name, 0.0) * term for name, term in terms.items())
            total = sum(others, start=first)
        return {"loss": total, **terms}


def root_mean_square(output: Tensor, truth: Tensor) -> Tensor:
    """L2: the root mean square difference of each picture, averaged over the batch.

    Its gradient is 0 where a picture agrees with its truth, though the root has none there.
    """
    difference = (output - truth).flatten(1)
    return torch.linalg.vector_norm(difference, dim=1).mean() / difference.shape[1] ** 0.5


def cosine_distance(output: Tensor, truth: Tensor) -> Tensor:
    """CS: 1 minus the cosine between the two RGB vectors of a pixel, averaged over all pixels."""
    return 1.0 - F.cosine_similarity(output, truth, dim=1, eps=_COSINE_EPSILON).mean()


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "l1": F.l1_loss,
    "l2": root_mean_square,
    "cosine": cosine_distance,
}
"""Losses of output and truth by name; `lambda_NAME` of `mqn.records.Training` is the weight."""


def feature_reconstruction(
    extractor: VGG16, output: Tensor, truth: Tensor, output_range: tuple[float, float] = REACHABLE
) -> Tensor:
    """FR: mean absolute difference of VGG16's pooled features, summed over the extractor's pools.

    Args:
        extractor: of the wanted pools.
        output: (N, 3, H, W) in the codec's range; gradients go here.
        truth: the same.
        output_range: the codec's, which becomes [0, 1].
    """
    low, high = output_range
    with torch.no_grad():
        wanted = extractor((truth - low) / (high - low))
    given = extractor((output - low) / (high - low))
    terms = [F.l1_loss(a.float(), b.float()) for a, b in zip(given, wanted, strict=True)]
    return torch.stack(terms).sum() / _VGG16_RANGE
