"""Run a network tile by tile: the same result in bounded memory."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor


def run_in_tiles(network: Callable[[Tensor], Tensor], picture: Tensor, *, tile: int, halo: int) -> Tensor:
    """Run a network on overlapping tiles of a picture and put the results together.

    Args:
        network: (1, C, h, w) to (1, D, h, w), of convolutions only; no output pixel sees an input pixel that is more
            than `halo` away from it.
        picture: (1, C, H, W).
        tile: side of a tile without its halo, a multiple of the network's stride.
        halo: pixels that are added on each side where the picture goes on; a multiple of the stride. The picture's own
            borders get none, so that the network pads there as it does when it sees the whole.

    Returns:
        (1, D, H, W): up to rounding what the network makes of the whole picture.
    """
    height, width = picture.shape[-2:]
    if height <= tile + 2 * halo and width <= tile + 2 * halo:
        return network(picture)
    result = None
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            above, before = min(top, halo), min(left, halo)
            bottom, right = min(top + tile, height), min(left + tile, width)
            piece = network(picture[..., top - above : bottom + halo, left - before : right + halo])
            if result is None:
                result = picture.new_empty((1, piece.shape[1], height, width))
            rows = slice(above, above + bottom - top)
            columns = slice(before, before + right - left)
            result[..., top:bottom, left:right] = piece[..., rows, columns]
    assert result is not None
    return result
