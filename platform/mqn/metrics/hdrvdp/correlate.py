"""The quality Q of a picture against its reference, and where the two differ visibly."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from mqn.metrics.hdrvdp.taps import LARGEST

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from mqn.metrics.hdrvdp.perception import Percept

_BRIGHTEST = float(np.finfo(np.float32).max)


def quality(
    test: np.ndarray, reference: np.ndarray, pixels_per_degree: float = 30.0, *, device: str | torch.device = "cpu"
) -> float:
    """HDR-VDP-2.2's quality correlate Q: 100 for pictures without a visible difference, falling without a bound.

    Q depends on more than the pictures' content; two figures compare only at one angular resolution and one size. A
    higher `pixels_per_degree` is the same picture seen from farther away: its content moves to higher frequencies,
    which mostly lowers Q (a clipped picture of 256 x 256 pixels: 58.7 at 20, 45.5 at 30, 23.2 at 60). Errors are
    pooled as their norm over their number, so that larger pictures score higher (the same content tiled 2 x 2: +1.9).
    Light counts as it is, in cd/m2: a prediction needs an absolute scale first, one for all (`mqn.metrics.protocol`) or
    its own (`prepare_p3`). Where test and reference differ by less than a thousandth, nothing counts.

    Needs about 0.5 GB a megapixel while it runs.

    Args:
        test: (H, W, 3) linear BT.709, absolute cd/m2, at least 0, finite; or (H, W) luminance of D65's colour. Both
            sides at least 17.
        reference: the same shape.
        pixels_per_degree: pixels in one degree of visual angle; 30 is usual, a desktop display at half a metre.
        device: where torch computes, in float64: `cpu` or a CUDA device.

    Returns:
        At most 100; exactly that for equal pictures. Within 1e-10 of release 2.2.1 (under GNU Octave) on pictures of
        256 x 256, where every band has even sides. Odd sides, in the picture or in a band of it, are rounded up where
        the release rounds up, but were not compared with it; crops of odd sides lie as near to their neighbours, a
        pixel smaller and larger, as crops of even sides do.

    Raises:
        ValueError: shapes that differ or are no pictures, values that are negative or not finite, an angular
            resolution that is not above 0, a device that is not there.
    """
    from mqn.metrics.hdrvdp.comparison import compare

    with _judging(test, reference, pixels_per_degree, device) as seen:
        return compare(*seen, pixels_per_degree)


def visible_differences(
    test: np.ndarray, reference: np.ndarray, pixels_per_degree: float = 30.0, *, device: str | torch.device = "cpu"
) -> np.ndarray:
    """Where a picture differs visibly from its reference, by the differences of which `quality` makes Q.

    At each pixel the masked differences of all bands and orientations that count in Q are added up, each in units of
    what is just noticeable (Mantiuk et al. 2011): below 1 hardly anybody sees a difference there. The release's map of
    probabilities puts the bands together by the pyramid's own filters; here coarse bands are interpolated, and the sum
    is not turned into a probability, because reconstructions of HDR pictures differ visibly nearly everywhere.

    Arguments and errors are as of `quality`.

    Returns:
        (H, W) float64, at least 0; 0 where nothing differs by a thousandth.
    """
    from mqn.metrics.hdrvdp.comparison import locate

    with _judging(test, reference, pixels_per_degree, device) as seen:
        return locate(*seen, pixels_per_degree).cpu().numpy()


@contextlib.contextmanager
def _judging(
    test: np.ndarray, reference: np.ndarray, pixels_per_degree: float, device: str | torch.device
) -> Iterator[tuple[Percept, Percept, Tensor]]:
    """Both pictures, checked, as the eye sends them on, and where they differ at all; no gradients meanwhile."""
    import torch

    from mqn.metrics.hdrvdp.comparison import changes
    from mqn.metrics.hdrvdp.perception import perceive

    test, reference = np.asarray(test), np.asarray(reference)
    if test.shape != reference.shape:
        raise ValueError(f"test {test.shape} and reference {reference.shape} must have one shape; crop or resize one")
    for name, picture in (("test", test), ("reference", reference)):
        _check(picture, name)
    if not (math.isfinite(pixels_per_degree) and pixels_per_degree > 0):
        raise ValueError(f"{pixels_per_degree} pixels per degree; it must be a number above 0, usually 30")
    place = _place(device)
    with torch.no_grad():
        yield (
            perceive(test, pixels_per_degree, place),
            perceive(reference, pixels_per_degree, place),
            changes(test, reference, place),
        )


def _place(device: str | torch.device) -> torch.device:
    import torch

    try:
        place = torch.device(device)
    except RuntimeError:
        raise ValueError(f"no device goes by {device!r}; allowed: cpu, cuda, cuda:N") from None
    if place.type != "cpu" and not (place.type == "cuda" and (place.index or 0) < torch.cuda.device_count()):
        raise ValueError(f"there is no device {str(place)!r} here that computes in float64; take 'cpu'")
    return place


def _check(picture: np.ndarray, name: str) -> None:
    if picture.ndim not in (2, 3) or (picture.ndim == 3 and picture.shape[2] != 3):
        raise ValueError(f"{name} of shape {picture.shape}; it must be (H, W, 3) colour or (H, W) luminance")
    if min(picture.shape[:2]) < LARGEST:
        raise ValueError(f"{name} of shape {picture.shape}; both sides must be at least {LARGEST} pixels")
    if picture.dtype.kind not in "fiu":
        raise ValueError(f"{name} holds {picture.dtype}; it must hold real numbers, cd/m2")
    broken = picture.size - int(np.count_nonzero(np.isfinite(picture)))
    if broken:
        raise ValueError(f"{name} holds {broken} values that are NaN or infinite; mend the picture first")
    if picture.min() < 0:
        raise ValueError(f"{name} holds {picture.min()}; light is at least 0 cd/m2, clip the picture first")
    if picture.max() > _BRIGHTEST:
        raise ValueError(
            f"{name} holds {picture.max()}; at most {_BRIGHTEST:.3g} cd/m2 is allowed, clip the picture first"
        )
