"""What is known of each epoch of a training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mqn.parsing import write_json


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochReport:
    """One epoch. Losses are means over its training pictures, not weighted by their lambdas but for `loss`.

    Attributes:
        epoch: 1 for the first.
        epochs: how many the training has.
        loss: Eq. 2.
        l1: mean absolute difference.
        l2: root mean square difference.
        cosine: 1 minus cosine.
        features: feature reconstruction; None where it has no weight and was not computed.
        val_loss: Eq. 2 on the validation pictures.
        val_psnr_tm: PSNR-TM on the validation pictures, in dB.
        learning_rate: of this epoch.
        seconds: wall time, validation included.
        waited_seconds: of these, how long the training waited for pairs.
        device: `cpu` or `cuda`.
        precision: arithmetic that the forward pass really had.
    """

    epoch: int
    epochs: int
    loss: float
    l1: float
    l2: float
    cosine: float
    features: float | None
    val_loss: float
    val_psnr_tm: float
    learning_rate: float
    seconds: float
    waited_seconds: float
    device: str
    precision: str


def write_history(path: Path, history: Sequence[EpochReport]) -> None:
    """Write `history.json`: a list of tables, one an epoch."""
    write_json(path, list(history))
