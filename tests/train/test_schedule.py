"""What an epoch's number decides: the learning rate, the layers that learn, the batches."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mqn.families.mqn.encoder import Encoder
from mqn.records import Training
from mqn.train.batches import make_batches, split
from mqn.train.freezing import apply_freezing, freed_layers
from mqn.train.loop import learning_rate


def test_learning_rate_falls_by_stairs() -> None:
    training = Training(learning_rate=1.0, decay=0.99, decay_epochs=4)
    rates = [learning_rate(epoch, training) for epoch in (0, 3, 4, 8)]
    assert rates == pytest.approx([1.0, 1.0, 0.99, 0.9801])


def test_layers_are_freed_five_percent_at_a_time() -> None:
    freed = [freed_layers(epoch, frozen_epochs=10, layers=40) for epoch in (0, 9, 10, 14, 15, 20, 500)]
    assert freed == [0, 0, 2, 2, 4, 6, 40]
    assert freed_layers(0, frozen_epochs=0, layers=40) == 40


def test_a_frozen_encoder_keeps_weights_and_statistics() -> None:
    encoder = Encoder(0.35).train()
    before = {name: tensor.clone() for name, tensor in encoder.state_dict().items()}
    apply_freezing(encoder, 0, 3)
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    encoder(torch.rand(2, 3, 32, 32))
    assert all(torch.equal(tensor, before[name]) for name, tensor in encoder.state_dict().items())


def test_layers_are_freed_from_the_back_and_batch_norms_never() -> None:
    encoder = Encoder(0.35).train()
    apply_freezing(encoder, 3, 3)
    learning = {name for name, parameter in encoder.named_parameters() if parameter.requires_grad}
    assert learning == {f"block_16.{part}.conv.weight" for part in ("expand", "depthwise", "project")}
    assert not any(m.training for m in encoder.modules() if isinstance(m, torch.nn.BatchNorm2d))


def test_without_frozen_epochs_everything_learns() -> None:
    encoder = Encoder(0.35).train()
    apply_freezing(encoder, 0, 0)
    assert all(parameter.requires_grad for parameter in encoder.parameters())
    assert all(module.training for module in encoder.modules())


def test_a_partial_batch_is_kept_but_no_picture_is_left_alone() -> None:
    assert split(range(6), 4) == [[0, 1, 2, 3], [4, 5]]
    assert split(range(5), 4) == [[0, 1, 2, 3, 4]]
    assert split(range(2), 1) == [[0], [1]]
    assert split(range(1), 4) == [[0]]


class _Pairs:
    def order(self, epoch: int) -> np.ndarray:
        return np.arange(7)[::-1]

    def batch(self, epoch: int, indices: list[int]) -> tuple[np.ndarray, np.ndarray]:
        if epoch == 13:
            raise OSError("a disc that died")
        return np.array(indices), np.full(len(indices), epoch)


def test_batches_come_in_order_whatever_thread_made_them() -> None:
    batches = list(make_batches(_Pairs(), 3, 2))
    assert [batch[0].tolist() for batch in batches] == [[6, 5], [4, 3], [2, 1, 0]]
    assert all((batch[1] == 3).all() for batch in batches)


def test_what_goes_wrong_in_a_thread_goes_wrong_here() -> None:
    with pytest.raises(OSError, match="a disc that died"):
        next(make_batches(_Pairs(), 13, 2))
