"""Distillation: a simulated network learns to compute what the float network computes, on pictures without a truth."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from mqn.errors import TrainingError
from mqn.files.publishing import publish_file
from mqn.parsing import write_json

BATCH_SIZE = 4
PROBE = 16
"""Pictures that are not trained on: they say how far it is, and which weights are kept."""

LEARNING_RATE, PRUNED_LEARNING_RATE = 0.004, 0.2
"""Adam's at the start, in steps of each weight's own grid; it falls to nothing along a cosine. Kernels with batch norm
folded in differ a thousandfold in size from channel to channel: one rate in absolute terms shakes some to pieces and
leaves others where they were. A network that lost channels has further to go than one that was rounded."""
_MOMENTUM, _SECOND_MOMENTUM, _EPSILON = 0.9, 0.99, 1e-12
_AVERAGED = 0.9
"""Share that is kept, each step, of the running mean of the weights, which is looked at and handed out: the
weights themselves jump between neighbouring integers."""

_LEAST_ERROR = 1e-10
"""Added to squared errors, so that what is exact has a logarithm."""

RESUME, HISTORY = "resume.npz", "history.json"
_CHECKED_EVERY = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """How far the student is from its teacher on the probe.

    Attributes:
        step: after how many steps.
        output: mean squared difference of the outputs, values between 0 and 1; of pictures the geometric mean, as a
            mean of decibels is one: a few pictures err a hundred times as much as most.
        interface: mean squared difference of the interface's features over their mean square, likewise.
        loss: the geometric mean of both, in units of what it was before the first step.
    """

    step: int
    output: float
    interface: float
    loss: float


class Distillation:
    """A student, its teacher and their pictures. The same weights come out however often it is cut short."""

    def __init__(
        self,
        student: Any,
        teacher: Any,
        pictures: np.ndarray,
        *,
        scaled: Sequence[tuple[Any, np.ndarray]],
        steps: int,
        learning_rate: float,
        seed: int = 0,
    ) -> None:
        """Look at where the student starts.

        Args:
            student: Keras model of (N, S, S, 3) -> [interface, output].
            teacher: the same in float.
            pictures: (N, S, S, 3) uint8 code values; the last `PROBE` are the probe, so that N is above `PROBE`.
            scaled: those of the student's weights that are trained, in place, each with the width of its grid, in a
                shape that broadcasts.
            steps: how many.
            learning_rate: in widths of the grid.
            seed: of the batches.

        Raises:
            TrainingError: there are too few pictures.
        """
        if len(pictures) <= PROBE:
            raise TrainingError(f"{len(pictures)} pictures to fine-tune on; at least {PROBE + 1} are needed")
        self._student, self._teacher, self._steps, self._seed = student, teacher, steps, seed
        self._learning_rate = learning_rate
        self._trained = pictures[:-PROBE]
        held_out = [_as_floats(batch) for batch in np.split(pictures[-PROBE:], PROBE // BATCH_SIZE)]
        self._probe = [(batch, *teacher(batch, training=False)) for batch in held_out]
        self._errors = tf.function(
            lambda pictures, *answers: _errors(student(pictures, training=True), answers), autograph=False
        )
        self._variables = [variable for variable, _ in scaled]
        self._scales = [tf.constant(scale, tf.float32) for _, scale in scaled]
        self._means = [tf.Variable(tf.zeros_like(variable)) for variable in self._variables]
        self._squares = [tf.Variable(tf.zeros_like(variable)) for variable in self._variables]
        self._averages = [tf.Variable(variable) for variable in self._variables]
        self._start = self._look()
        self.checks = [self._check(0)]
        self._best = self._weights()
        self._step = tf.function(self._take_step, autograph=False)

    def run(self, folder: Path) -> None:
        """Train, or go on where a killed run of the same distillation was.

        The student has the weights of the best check in the end: those it started with where nothing was better.

        Args:
            folder: gets `history.json`, which tells how far it is, and `resume.npz`, which the caller removes when it
                has no more use for it; made if absent.

        Raises:
            TrainingError: the loss is not finite any more, or whoever asked for it is gone.
        """
        folder.mkdir(parents=True, exist_ok=True)
        first = self._restore(folder / RESUME) if (folder / RESUME).exists() else 0
        asked_by = os.getppid()
        for step in range(first, self._steps):
            if os.getppid() != asked_by:  # Whoever takes this up must not find two at work on it.
                raise TrainingError(f"the process that asked for a fine-tuning is gone after {step} steps; ask again")
            rate = self._learning_rate * 0.5 * (1 + np.cos(np.pi * step / self._steps))
            generator = np.random.default_rng((self._seed, step))
            chosen = generator.choice(len(self._trained), min(BATCH_SIZE, len(self._trained)), replace=False)
            self._step(_as_floats(self._trained[chosen]), tf.constant(rate, tf.float32), tf.constant(step + 1.0))
            if (step + 1) % _CHECKED_EVERY == 0 or step + 1 == self._steps:
                self._note(step + 1)
                self._save(folder / RESUME)
                self._tell(folder / HISTORY)
        self._tell(folder / HISTORY)  # Once more: a run may have been killed between saving and telling.
        self._set(self._best)

    def _take_step(self, pictures: Any, rate: Any, number: Any) -> None:
        answers = self._teacher(pictures, training=False)
        with tf.GradientTape() as tape:
            output, interface = _errors(self._student(pictures, training=True), answers)
            loss = tf.reduce_mean(tf.math.log(output + _LEAST_ERROR) + tf.math.log(interface + _LEAST_ERROR))
        self._descend(tape.gradient(loss, self._variables), rate, number)

    def _descend(self, gradients: Sequence[Any], rate: Any, number: Any) -> None:
        """One step of Adam, each weight's in units of its own scale."""
        unbiased = tf.sqrt(1 - _SECOND_MOMENTUM**number) / (1 - _MOMENTUM**number)
        places = zip(self._variables, self._scales, self._means, self._squares, self._averages, gradients, strict=True)
        for variable, scale, mean, square, average, gradient in places:
            mean.assign(_MOMENTUM * mean + (1 - _MOMENTUM) * gradient)
            square.assign(_SECOND_MOMENTUM * square + (1 - _SECOND_MOMENTUM) * tf.square(gradient))
            variable.assign_sub(rate * unbiased * scale * mean / (tf.sqrt(square) + _EPSILON))
            average.assign(_AVERAGED * average + (1 - _AVERAGED) * variable)

    def _look(self) -> np.ndarray:
        """Errors of output and interface on every picture of the probe, (2, PROBE); the teacher's answers are kept."""
        found = [self._errors(pictures, *answers) for pictures, *answers in self._probe]
        return np.concatenate(found, axis=1).astype(np.float64) + _LEAST_ERROR

    def _check(self, step: int) -> Check:
        errors = self._look()
        output, interface = np.exp(np.log(errors).mean(axis=1))
        loss = float(np.exp(np.log(errors / self._start).mean()))
        return Check(step=step, output=float(output), interface=float(interface), loss=loss)

    def _note(self, step: int) -> None:
        """Look at the averaged weights, and keep them where they are the best so far."""
        weights, averages = self._weights(), [average.numpy() for average in self._averages]
        self._set(averages)
        check = self._check(step)
        self._set(weights)
        if not np.isfinite(check.loss):
            raise TrainingError(f"fine-tuning came to a loss of {check.loss} after {step} steps; take fewer steps")
        if check.loss < min(earlier.loss for earlier in self.checks):
            self._best = averages
        self.checks.append(check)

    def _tell(self, path: Path) -> None:
        write_json(path, [asdict(check) for check in self.checks])

    def _weights(self) -> list[np.ndarray]:
        return [variable.numpy() for variable in self._variables]

    def _set(self, weights: Sequence[np.ndarray]) -> None:
        for variable, weight in zip(self._variables, weights, strict=True):
            variable.assign(weight)

    def _moments(self) -> list[Any]:
        return [*self._means, *self._squares, *self._averages]

    def _save(self, path: Path) -> None:
        """Everything that a run goes on from; under its name only when it is whole."""
        groups = {"weights": self._weights(), "best": self._best}
        groups["moments"] = [moment.numpy() for moment in self._moments()]
        arrays: dict[str, Any] = {f"{group}_{i}": v for group, values in groups.items() for i, v in enumerate(values)}
        temporary = path.with_name(f".{path.name}")
        with temporary.open("wb") as file:
            np.savez(file, checks=json.dumps([asdict(check) for check in self.checks]), **arrays)
        publish_file(temporary, path)

    def _restore(self, path: Path) -> int:
        """How many steps are done."""
        with np.load(path) as stored:
            self.checks = [Check(**check) for check in json.loads(str(stored["checks"]))]
            count = len(self._variables)
            self._set([stored[f"weights_{i}"] for i in range(count)])
            self._best = [stored[f"best_{i}"] for i in range(count)]
            for i, moment in enumerate(self._moments()):
                moment.assign(stored[f"moments_{i}"])
        return self.checks[-1].step


def _errors(found: Any, expected: Any) -> tuple[Any, Any]:
    """Of each picture the mean squared difference of the output, and of the features over their mean square, (N,)."""
    (features, output), (true_features, true_output) = found, expected
    axes = (1, 2, 3)
    of_output = tf.reduce_mean(tf.math.squared_difference(output, true_output), axis=axes)
    of_features = tf.reduce_mean(tf.math.squared_difference(features, true_features), axis=axes)
    return of_output, of_features / tf.reduce_mean(tf.square(true_features), axis=axes)


def _as_floats(codes: np.ndarray) -> Any:
    return tf.constant(codes.astype(np.float32) / np.float32(255))
