"""The training loop (section 4.1 of the paper)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from mqn.errors import EmptyDatasetError, TrainingError
from mqn.hdr.codec import encode
from mqn.models import checkpoint
from mqn.models.pretrained import load_vgg16
from mqn.records import Arch, Training
from mqn.train.arithmetic import Arithmetic, choose_arithmetic, reproducible
from mqn.train.batches import Awaited, Batch, Pairs, make_batches
from mqn.train.freezing import apply_freezing
from mqn.train.history import EpochReport, write_history
from mqn.train.losses import LossTerms, TrainingLoss
from mqn.train.schedule import learning_rate, set_learning_rate
from mqn.train.state import DamagedError, TrainingState, begin, keep, resume
from mqn.train.validation import Picture, validate

if TYPE_CHECKING:
    from mqn.data.dataset import Dataset

OnEpoch = Callable[[EpochReport], None]
OnStart = Callable[[int], None]
Tell = Callable[[str], None]


def train(
    arch: Arch,
    training: Training,
    dataset: Dataset,
    directory: Path,
    *,
    on_start: OnStart = lambda _: None,
    on_epoch: OnEpoch = lambda _: None,
    tell: Tell = lambda _: None,
) -> Path:
    """Train a network on a dataset's `train` split, validating on `val`.

    Args:
        arch: the network.
        training: how.
        dataset: prepared pictures.
        directory: made if absent. After every epoch `resume.pt` and `history.json` are written there: called again
            with the same network, settings and data, a training that was killed goes on with the next epoch and
            comes to the same weights, bit for bit on the same machine. With more `epochs` a finished one goes on. A
            `resume.pt` that is damaged is removed, and the training begins anew.
        on_start: told before the first epoch how many are there already.
        on_epoch: told of each epoch after it is safe on disk; an exception that it raises ends the training.
        tell: takes a line on what had to be discarded.

    Returns:
        Path of `checkpoint.pt` (see `mqn.models.checkpoint`).

    Raises:
        EmptyDatasetError: there is nothing to train on or to validate on.
        WeightsError: pretrained weights cannot be had.
        DataError: the response curves cannot be read.
        TrainingError: the loss is no longer finite, or `resume.pt` there is another training's.
    """
    from mqn.data.pairs import TrainingPairs, evaluation_pictures, inputs_of
    from mqn.data.response import curves_of

    for split in ("train", "val"):
        if not dataset.count(split):
            raise EmptyDatasetError(f"the dataset has no picture in its {split!r} split; give it more sources")
    pairs = TrainingPairs(
        dataset,
        arch.input_size,
        training.seed,
        virtual_camera=training.virtual_camera,
        curves=curves_of(training.response_curves),
    )
    # Validation sees what most of the training sees; what a network is scored on is the protocol's matter.
    inputs = inputs_of(training.virtual_camera)
    pictures = evaluation_pictures(dataset, arch.input_size, "val", inputs)
    return fit(
        arch,
        training,
        pairs,
        pictures,
        directory,
        data=dataset.hash,
        on_start=on_start,
        on_epoch=on_epoch,
        tell=tell,
    )


def fit(
    arch: Arch,
    training: Training,
    pairs: Pairs,
    pictures: Sequence[Picture],
    directory: Path,
    *,
    data: str,
    on_start: OnStart = lambda _: None,
    on_epoch: OnEpoch = lambda _: None,
    tell: Tell = lambda _: None,
) -> Path:
    """Train on given pairs; otherwise like `train`.

    Args:
        arch: the network.
        training: how.
        pairs: LDR and truth to learn from.
        pictures: to validate on, at least one.
        directory: for the files.
        data: hash of what `pairs` and `pictures` are made from.
        on_start: see `train`; so are the others.
        on_epoch: see there.
        tell: see there.
    """
    directory.mkdir(parents=True, exist_ok=True)
    resume_file = directory / "resume.pt"
    arithmetic = choose_arithmetic(training.precision)
    loss = _loss(training, arithmetic)
    with reproducible(arithmetic, training.seed):
        state = None
        if resume_file.exists():
            try:
                state = resume(resume_file, arch, training, data, arithmetic)
            except DamagedError as error:
                resume_file.unlink()
                torch.manual_seed(training.seed)  # As if it had never been looked at.
                tell(f"{error}; removed it, and began the training anew")
        if state is None:
            state = begin(arch, training, arithmetic)
        on_start(len(state.history))
        for epoch in range(len(state.history), training.epochs):
            report = _run_epoch(epoch, state, loss, training, pairs, pictures, arithmetic)
            state.history.append(report)
            keep(resume_file, state, arch, training, data)
            write_history(directory / "history.json", state.history)
            on_epoch(report)
    path = directory / "checkpoint.pt"
    checkpoint.save(path, arch, training, state.model)
    return path


def _run_epoch(
    epoch: int,
    state: TrainingState,
    loss: TrainingLoss,
    training: Training,
    pairs: Pairs,
    pictures: Sequence[Picture],
    arithmetic: Arithmetic,
) -> EpochReport:
    started = time.perf_counter()
    rate = learning_rate(
        epoch, initial=training.learning_rate, decay=training.decay, decay_epochs=training.decay_epochs
    )
    set_learning_rate(state.optimizer, rate)
    state.model.train()
    apply_freezing(state.model.backbone.encoder, epoch, training.frozen_epochs)
    means = _Means()
    batches = Awaited(make_batches(pairs, epoch, training.batch_size))
    for batch in batches:
        means.add(step(state, loss, batch, training.codec, arithmetic), len(batch[0]))
    losses = means.values()
    _check_finite(losses["loss"], "training", epoch, training)
    val_loss, val_psnr_tm = validate(state.model, loss, pictures, training.codec, arithmetic)
    _check_finite(val_loss, "validation", epoch, training)
    return EpochReport(
        epoch=epoch + 1,
        epochs=training.epochs,
        loss=losses["loss"],
        l1=losses["l1"],
        l2=losses["l2"],
        cosine=losses["cosine"],
        features=losses.get("features"),
        val_loss=val_loss,
        val_psnr_tm=val_psnr_tm,
        learning_rate=rate,
        seconds=time.perf_counter() - started,
        waited_seconds=batches.seconds,
        device=arithmetic.device.type,
        precision=arithmetic.precision,
    )


def step(state: TrainingState, loss: TrainingLoss, batch: Batch, codec: str, arithmetic: Arithmetic) -> LossTerms:
    """One step of Adam.

    Args:
        state: its model in training mode.
        loss: Eq. 2.
        batch: LDR and linear truth, (N, 3, S, S) each, in [0, 1].
        codec: what the network is to answer in.
        arithmetic: where and how to compute.

    Returns:
        The losses before the step.
    """
    ldr, truth = (arithmetic.place(torch.from_numpy(pictures)) for pictures in batch)
    with arithmetic.autocast():
        terms = loss(state.model(ldr), encode(truth, codec))
    state.optimizer.zero_grad(set_to_none=True)
    terms.total.backward()
    state.optimizer.step()
    return terms


def _check_finite(loss: float, kind: str, epoch: int, training: Training) -> None:
    if not math.isfinite(loss):
        raise TrainingError(
            f"the {kind} loss is {loss} in epoch {epoch + 1} of {training.epochs}; "
            f"lower training.learning_rate ({training.learning_rate})"
        )


def _loss(training: Training, arithmetic: Arithmetic) -> TrainingLoss:
    extractor = load_vgg16(training.feature_weights, training.feature_pools) if training.lambda_features else None
    loss = TrainingLoss(
        lambda_l1=training.lambda_l1,
        lambda_l2=training.lambda_l2,
        lambda_cosine=training.lambda_cosine,
        lambda_features=training.lambda_features,
        extractor=extractor,
        scale_invariance=training.scale_invariance,
    )
    arithmetic.place_module(loss)
    return loss


class _Means:
    """Means over an epoch's pictures, summed where the tensors are: a GPU is not made to wait at every step."""

    def __init__(self) -> None:
        self._sums: dict[str, torch.Tensor] = {}
        self._pictures = 0

    def add(self, terms: LossTerms, pictures: int) -> None:
        self._pictures += pictures
        named = {
            "loss": terms.total,
            "l1": terms.l1,
            "l2": terms.l2,
            "cosine": terms.cosine,
            "features": terms.features,
        }
        for name, term in named.items():
            if term is not None:
                self._sums[name] = self._sums.get(name, torch.zeros_like(term)) + term.detach() * pictures

    def values(self) -> dict[str, float]:
        return {name: float(total) / self._pictures for name, total in self._sums.items()}
