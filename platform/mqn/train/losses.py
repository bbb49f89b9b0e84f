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

Few pixels of most pictures are clipped, and there a network has everything to guess. `clipped_weight` is what such a
pixel counts beside 1 of one whose input shows what was there; what is nearly clipped lies between
(`mqn.hdr.gains.recoverable` of its brightest channel). A picture's weights have the mean 1: it counts as much as any
other. Features have the mean weight of the pixels below them. `scale_invariance` looks at all pixels alike. The paper
has no weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mqn.hdr.gains import recoverable
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
        clipped_weight: float = 1.0,
        output_range: tuple[float, float] = REACHABLE,
    ) -> None:
        """Fix the weights.

        Args:
            weights: lambda by name: of `LOSSES`, or `features`; a loss that is not named has weight 0.
            extractor: makes the features; needed where `features` has a weight above 0.
            scale_invariance: share of each picture's mean difference that does not count, 0 to 1.
            clipped_weight: of pixels that are clipped in the input, beside 1 of the others.
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
        self.clipped_weight = clipped_weight
        self.output_range = output_range

    def forward(self, output: Tensor, truth: Tensor, ldr: Tensor) -> dict[str, Tensor]:
        """Compare a batch.

        Args:
            output: (N, 3, H, W), the network's.
            truth: the same shape, encoded by the codec.
            ldr: the same shape, in [0, 1]: the network's input.

        Returns:
            Scalars, float32: `loss`, and by name the losses not yet weighted; `features` only where VGG16 takes part.
        """
        if self.scale_invariance:
            with torch.autocast(output.device.type, enabled=False):
                difference = (output.float() - truth.float()).mean(dim=(1, 2, 3), keepdim=True)
                output = output - self.scale_invariance * difference
        weights = None if self.clipped_weight == 1 else clipped_weights(ldr, self.clipped_weight)
        terms = {}
        if self.extractor is not None:
            terms["features"] = feature_reconstruction(self.extractor, output, truth, self.output_range, weights)
        with torch.autocast(output.device.type, enabled=False):
            terms = {name: compare(output.float(), truth.float(), weights) for name, compare in LOSSES.items()} | terms
            first, *others = (self.weights.get(name, 0.0) * term for name, term in terms.items())
            total = sum(others, start=first)
        return {"loss": total, **terms}


def clipped_weights(ldr: Tensor, weight: float) -> Tensor:
    """How much each pixel counts, by its input.

    Args:
        ldr: (N, 3, H, W) in [0, 1].
        weight: of a pixel with a clipped channel, beside 1 of one that has none.

    Returns:
        (N, 1, H, W) float32, above 0, with the mean 1 in each picture.
    """
    weights = 1 + (weight - 1) * recoverable(ldr.float().amax(dim=1, keepdim=True))
    return weights / weights.mean(dim=(2, 3), keepdim=True)


def mean_absolute(output: Tensor, truth: Tensor, weights: Tensor | None = None) -> Tensor:
    """L1: the mean absolute difference, of pixels that count by `weights`, (N, 1, H, W); None: all alike."""
    if weights is None:
        return F.l1_loss(output, truth)
    return (weights * (output - truth).abs()).mean()


def root_mean_square(output: Tensor, truth: Tensor, weights: Tensor | None = None) -> Tensor:
    """L2: the root mean square difference of each picture, averaged over the batch.

    Its gradient is 0 where a picture agrees with its truth, though the root has none there.
    """
    difference = output - truth if weights is None else (output - truth) * weights.sqrt()
    return torch.linalg.vector_norm(difference.flatten(1), dim=1).mean() / difference[0].numel() ** 0.5


def cosine_distance(output: Tensor, truth: Tensor, weights: Tensor | None = None) -> Tensor:
    """CS: 1 minus the cosine between the two RGB vectors of a pixel, averaged over all pixels."""
    cosines = F.cosine_similarity(output, truth, dim=1, eps=_COSINE_EPSILON)
    return 1.0 - (cosines if weights is None else cosines * weights[:, 0]).mean()


LOSSES: dict[str, Callable[[Tensor, Tensor, Tensor | None], Tensor]] = {
    "l1": mean_absolute,
    "l2": root_mean_square,
    "cosine": cosine_distance,
}
"""Losses of output, truth and the pixels' weights by name; `lambda_NAME` of `mqn.records.Training` is the weight."""


def feature_reconstruction(
    extractor: VGG16,
    output: Tensor,
    truth: Tensor,
    output_range: tuple[float, float] = REACHABLE,
    weights: Tensor | None = None,
) -> Tensor:
    """FR: mean absolute difference of VGG16's pooled features, summed over the extractor's pools.

    Args:
        extractor: of the wanted pools.
        output: (N, 3, H, W) in the codec's range; gradients go here.
        truth: the same.
        output_range: the codec's, which becomes [0, 1].
        weights: of the pixels, (N, 1, H, W); None: all count alike.
    """
    low, high = output_range
    with torch.no_grad():
        wanted = extractor((truth - low) / (high - low))
    given = extractor((output - low) / (high - low))
    terms = [
        mean_absolute(a.float(), b.float(), None if weights is None else F.adaptive_avg_pool2d(weights, a.shape[2:]))
        for a, b in zip(given, wanted, strict=True)
    ]
    return torch.stack(terms).sum() / _VGG16_RANGE
