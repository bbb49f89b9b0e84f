"""The training loop (section 4.1 of the paper)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from mqn.errors import EmptyDatasetError, TrainingError
from mqn.families.contract import find_family
from mqn.hdr.codec import encode, output_range
from mqn.models import checkpoint
from mqn.networks.vgg import load_vgg16
from mqn.parsing import write_json
from mqn.records import Arch, Training
from mqn.train.arithmetic import Arithmetic, choose_arithmetic, reproducible
from mqn.train.batches import Awaited, Batch, Pairs, make_batches
from mqn.train.freezing import apply_freezing
from mqn.train.losses import LOSSES, TrainingLoss
from mqn.train.state import DamagedError, EpochReport, TrainingState, begin, resume
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
    until: int | None = None,
    earlier: Path | None = None,
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
        until: the epoch after which this part of the training ends; None: its last.
        earlier: the `resume.pt` that an earlier part of the training left elsewhere. It is used where `directory` has
            none, and is only read. Parts come to the same weights as a training in one go, bit for bit on the same
            machine.
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
    from mqn.data.pairs.evaluation import evaluation_pictures, inputs_of
    from mqn.data.pairs.response import curves_of
    from mqn.data.pairs.training import TrainingPairs

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
        until=until,
        earlier=earlier,
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
    until: int | None = None,
    earlier: Path | None = None,
    on_start: OnStart = lambda _: None,
    on_epoch: OnEpoch = lambda _: None,
    tell: Tell = lambda _: None,
) -> Path:
    """Train on given pairs, and validate on given pictures, of which there is at least one; else like `train`.

    `data` is the hash of what pairs and pictures are made from.
    """
    directory.mkdir(parents=True, exist_ok=True)
    resume_file = directory / "resume.pt"
    arithmetic = choose_arithmetic(training.precision)
    loss = _loss(training, arithmetic)
    last = training.epochs if until is None else until
    with reproducible(arithmetic, training.seed):
        state = None
        for file in [resume_file, *([] if earlier is None else [earlier])]:
            if state is not None or not file.exists():
                continue
            try:
                state = resume(file, arch, training, data, arithmetic)
            except DamagedError as error:
                if file == earlier:
                    raise
                file.unlink()
                torch.manual_seed(training.seed)  # Reading the file may have changed it.
                tell(f"{error}; removed it, and began {'the training' if earlier is None else 'this part'} anew")
        if state is None:
            state = begin(arch, training, data, arithmetic)
        on_start(len(state.history))
        while len(state.history) < last:
            state.history.append(_run_epoch(state, loss, pairs, pictures))
            state.keep(resume_file)
            write_json(directory / "history.json", state.history)
            on_epoch(state.history[-1])
    path = directory / "checkpoint.pt"
    checkpoint.save(path, arch, replace(training, epochs=last), state.model)
    return path


def _run_epoch(state: TrainingState, loss: TrainingLoss, pairs: Pairs, pictures: Sequence[Picture]) -> EpochReport:
    started = time.perf_counter()
    epoch, training, arithmetic = len(state.history), state.training, state.arithmetic
    rate = learning_rate(epoch, training)
    for group in state.optimizer.param_groups:
        group["lr"] = rate
    state.model.train()
    if (frozen := find_family(state.arch.family).frozen) is not None:
        apply_freezing(state.model.get_submodule(frozen), epoch, training.frozen_epochs)
    means = _Means()
    batches = Awaited(make_batches(pairs, epoch, training.batch_size))
    for batch in batches:
        means.add(step(state, loss, batch), len(batch[0]))
    losses = means.values()
    val_loss, val_psnr_tm = validate(state.model, loss, pictures, training.codec, arithmetic)
    for kind, value in (("training", losses["loss"]), ("validation", val_loss)):
        if not math.isfinite(value):
            raise TrainingError(
                f"the {kind} loss is {value} in epoch {epoch + 1} of {training.epochs}; "
                f"lower training.learning_rate ({training.learning_rate})"
            )
    return EpochReport(
        epoch=epoch + 1,
        epochs=training.epochs,
        val_loss=val_loss,
        val_psnr_tm=val_psnr_tm,
        learning_rate=rate,
        seconds=time.perf_counter() - started,
        waited_seconds=batches.seconds,
        device=arithmetic.device.type,
        precision=arithmetic.precision,
        **{"features": None, **losses},
    )


def step(state: TrainingState, loss: TrainingLoss, batch: Batch) -> dict[str, torch.Tensor]:
    """Make one step of Adam. Returns the losses before the step.

    `batch` is LDR and linear truth, (N, 3, S, S) each, in [0, 1].
    """
    ldr, truth = (state.arithmetic.place(torch.from_numpy(pictures)) for pictures in batch)
    with state.arithmetic.autocast():
        terms = loss(state.model(ldr), encode(truth, state.training.codec, ldr), ldr)
    state.optimizer.zero_grad(set_to_none=True)
    terms["loss"].backward()
    state.optimizer.step()
    return terms


def learning_rate(epoch: int, training: Training) -> float:
    """A staircase: the initial rate, times `decay` after every `decay_epochs` epochs (section 4.1 of the paper).

    Args:
        epoch: 0 for the first.
        training: of the network.
    """
    return float(training.learning_rate * training.decay ** (epoch // training.decay_epochs))


def _loss(training: Training, arithmetic: Arithmetic) -> TrainingLoss:
    extractor = load_vgg16(training.feature_weights, training.feature_pools) if training.lambda_features else None
    loss = TrainingLoss(
        {name: getattr(training, f"lambda_{name}") for name in (*LOSSES, "features")},
        extractor=extractor,
        scale_invariance=training.scale_invariance,
        clipped_weight=training.clipped_weight,
        output_range=output_range(training.codec),
    )
    arithmetic.place_module(loss)
    return loss


class _Means:
    """Means over an epoch's pictures, summed where the tensors are: a GPU is not made to wait at every step."""

    def __init__(self) -> None:
        self._sums: dict[str, torch.Tensor] = {}
        self._pictures = 0

    def add(self, terms: Mapping[str, torch.Tensor], pictures: int) -> None:
        self._pictures += pictures
        for name, term in terms.items():
            self._sums[name] = self._sums.get(name, torch.zeros_like(term)) + term.detach() * pictures

    def values(self) -> dict[str, Any]:
        return {name: float(total) / self._pictures for name, total in self._sums.items()}
