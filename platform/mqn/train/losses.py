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

How bright the truth's 99.9 % point is above white, an over-exposed input does not say. What a network guesses wrong
there moves the whole picture by one amount (under the `log` codec, by one factor of light) and drowns what it gets
right or wrong from place to place. `scale_invariance` takes that much of a picture's mean difference away before
anything is compared, after the scale-invariant error of Eigen, Puhrsch and Fergus (2014, Eq. 4). The paper has none.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mqn.hdr.codec import REACHABLE
from mqn.models.vgg import VGG16

_VGG16_RANGE = 255.0
_COSINE_EPSILON = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class LossTerms:
    """A batch's losses, each a scalar tensor and not yet weighted; `features` is None where VGG16 takes no part."""

    total: Tensor
    l1: Tensor
    l2: Tensor
    cosine: Tensor
    features: Tensor | None


class TrainingLoss(nn.Module):
    """Eq. 2: lambda_l1 L1 + lambda_l2 L2 + lambda_cosine CS + lambda_features FR."""

    def __init__(
        self,
        *,
        lambda_l1: float = 1.0,
        lambda_l2: float = 1.0,
        lambda_cosine: float = 0.1,
        lambda_features: float = 0.0,
        extractor: VGG16 | None = None,
        scale_invariance: float = 0.0,
    ) -> None:
        """Fix the weights.

        Args:
            lambda_l1: lambda 1.
            lambda_l2: lambda 2.
            lambda_cosine: lambda 3.
            lambda_features: lambda 4.
            extractor: makes the features; needed where `lambda_features` is above 0.
            scale_invariance: share of each picture's mean difference that does not count, 0 to 1.

        Raises:
            ValueError: features are weighted and there is no extractor.
        """
        super().__init__()
        if lambda_features and extractor is None:
            raise ValueError("lambda_features is above 0, so an extractor is needed")
        self.lambda_l1 = lambda_l1
        self.lambda_l2 = lambda_l2
        self.lambda_cosine = lambda_cosine
        self.lambda_features = lambda_features
        self.extractor = extractor if lambda_features else None
        self.scale_invariance = scale_invariance

    def forward(self, output: Tensor, truth: Tensor) -> LossTerms:
        """Compare a batch.

        Args:
            output: (N, 3, H, W), the network's.
            truth: the same shape, encoded by the codec.

        Returns:
            The terms, float32.
        """
        if self.scale_invariance:
            with torch.autocast(output.device.type, enabled=False):
                difference = (output.float() - truth.float()).mean(dim=(1, 2, 3), keepdim=True)
                output = output - self.scale_invariance * difference
        features = None
        if self.extractor is not None:
            features = feature_reconstruction(self.extractor, output, truth)
        with torch.autocast(output.device.type, enabled=False):
            output, truth = output.float(), truth.float()
            l1 = F.l1_loss(output, truth)
            l2 = root_mean_square(output, truth)
            cosine = cosine_distance(output, truth)
            total = self.lambda_l1 * l1 + self.lambda_l2 * l2 + self.lambda_cosine * cosine
            if features is not None:
                total = total + self.lambda_features * features
        return LossTerms(total=total, l1=l1, l2=l2, cosine=cosine, features=features)


def root_mean_square(output: Tensor, truth: Tensor) -> Tensor:
    """L2: the root mean square difference of each picture, averaged over the batch.

    Its gradient is 0 where a picture agrees with its truth, though the root has none there.
    """
    difference = (output - truth).flatten(1)
    return torch.linalg.vector_norm(difference, dim=1).mean() / difference.shape[1] ** 0.5


def cosine_distance(output: Tensor, truth: Tensor) -> Tensor:
    """CS: 1 minus the cosine between the two RGB vectors of a pixel, averaged over all pixels."""
    return 1.0 - F.cosine_similarity(output, truth, dim=1, eps=_COSINE_EPSILON).mean()


def feature_reconstruction(extractor: VGG16, output: Tensor, truth: Tensor) -> Tensor:
    """FR: mean absolute difference of VGG16's pooled features, summed over the extractor's pools.

    Args:
        extractor: of the wanted pools.
        output: (N, 3, H, W) in the codec's range; gradients go here.
        truth: the same.
    """
    low, high = REACHABLE
    with torch.no_grad():
        wanted = extractor((truth - low) / (high - low))
    given = extractor((output - low) / (high - low))
    terms = [F.l1_loss(a.float(), b.float()) for a, b in zip(given, wanted, strict=True)]
    return torch.stack(terms).sum() / _VGG16_RANGE
