"""A point of a space: a network, how it is trained, and how it is quantized (`mqn.records.plan`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import PurePath
from typing import Any, Literal

from mqn.parsing import flatten, from_mapping, to_plain, unflatten
from mqn.records.plan import Plan

Attention = Literal["none", "sa", "csa", "ca"]
Upsampling = Literal["nearest", "bilinear"]
Codec = Literal["linear", "mulaw", "log", "pq"]
Precision = Literal["float32", "bfloat16"]

NAMED_FILES = ("imagenet", "random", "parametric")
"""What stands in fields that otherwise hold a path: weights and response curves that need no file of the user's."""

LARGEST_SEED = 2**32 - 1
"""What every generator of random numbers takes."""

# No machine has the memory for more; what is above is a slip, or a file that means harm.
_MOST_HEAD_CHANNELS = 1024
_LARGEST_INPUT = 8192
_LARGEST_BATCH = 65536
_MOST_EPOCHS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Arch:
    """A network.

    Attributes:
        attention: the gated attention behind the decoder's blocks (Table 1 of the paper).
        width: MobileNetV2's width multiplier of the encoder; 0.35 is the paper's.
        decoder_width: multiplies the decoder's channels; 1 is the paper's.
        upsampling: how the decoder doubles its resolution.
        head_channels: channels of the head's 3 x 3 convolution; 12 is the paper's (its 1 x 1 one has half as many).
        encoder_weights: `imagenet` (downloaded once, checked by hash), `random`, or a path to an .npz or .h5 file.
        input_size: side in pixels of the square crops trained on and of the exported file's input; a multiple of 32.
    """

    attention: Attention = "ca"
    width: float = 0.35
    decoder_width: float = 1.0
    upsampling: Upsampling = "nearest"
    head_channels: int = 12
    encoder_weights: str = "imagenet"
    input_size: int = 256

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ValueError: a field is out of its range.
        """
        if not 0 < self.width <= 2 or not 0 < self.decoder_width <= 4:
            raise ValueError(f"width {self.width} must be in (0, 2] and decoder_width {self.decoder_width} in (0, 4]")
        if not 2 <= self.head_channels <= _MOST_HEAD_CHANNELS or self.head_channels % 2:
            raise ValueError(f"head_channels {self.head_channels} must be even, and 2 to {_MOST_HEAD_CHANNELS}")
        if not 32 <= self.input_size <= _LARGEST_INPUT or self.input_size % 32:
            raise ValueError(f"input_size {self.input_size} must be a multiple of 32, at most {_LARGEST_INPUT}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """How a network is trained. Defaults are the paper's (section 4.1) where it gives them.

    Attributes:
        codec: how linear light in [0, 1] is encoded for the network (`mqn.hdr.codec`, which says why `log`).
        lambda_l1: weight of the L1 loss, lambda 1 of Eq. 2.
        lambda_l2: weight of the L2 loss, lambda 2.
        lambda_cosine: weight of the cosine loss, lambda 3.
        lambda_features: weight of VGG16 feature reconstruction, lambda 4; 0 needs no VGG16.
        feature_weights: VGG16's weights: `imagenet`, `random`, or a path.
        feature_pools: the pooling blocks compared, out of 1, 2, 3.
        scale_invariance: share of each picture's mean difference that the losses leave out (`mqn.train.losses`), 0 to
            1; 0 is the paper's.
        epochs: passes over the training pictures.
        batch_size: pictures in a step.
        learning_rate: Adam's, at the start.
        decay: the learning rate's factor, applied every `decay_epochs`.
        decay_epochs: epochs between two decays.
        frozen_epochs: epochs in which the encoder stays as it was loaded; afterwards its layers are freed from the
            back, 5 % more every 5 epochs, batch norms kept frozen. 0 trains everything from the first step.
        precision: arithmetic of the forward pass; `bfloat16` is autocast.
        virtual_camera: share of the LDR inputs that the virtual camera makes (`mqn.data.virtual_camera`), 0 to 1; the
            others are made by the paper's tone-mapping operators.
        response_curves: of the virtual camera: `parametric`, or a file of measured curves (`mqn.data.response`).
        seed: of initial weights, crops, flips and LDR operators.
    """

    codec: Codec = "log"
    lambda_l1: float = 1.0
    lambda_l2: float = 1.0
    lambda_cosine: float = 0.1
    lambda_features: float = 0.05
    feature_weights: str = "imagenet"
    feature_pools: tuple[int, ...] = (1, 2, 3)
    scale_invariance: float = 0.0
    epochs: int = 600
    batch_size: int = 4
    learning_rate: float = 5e-5
    decay: float = 0.99
    decay_epochs: int = 4
    frozen_epochs: int = 0
    precision: Precision = "bfloat16"
    virtual_camera: float = 0.0
    response_curves: str = "parametric"
    seed: int = 0

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ValueError: a field is out of its range.
        """
        weights = (self.lambda_l1, self.lambda_l2, self.lambda_cosine, self.lambda_features)
        if min(weights) < 0 or max(weights) == 0:
            raise ValueError(f"loss weights {weights} must not be negative, and one must be above 0")
        if self.epochs < 1 or self.batch_size < 1 or self.decay_epochs < 1 or self.frozen_epochs < 0:
            raise ValueError("epochs, batch_size and decay_epochs must be at least 1, frozen_epochs at least 0")
        if max(self.epochs, self.decay_epochs, self.frozen_epochs) > _MOST_EPOCHS or self.batch_size > _LARGEST_BATCH:
            raise ValueError(f"epochs must be at most {_MOST_EPOCHS}, batch_size at most {_LARGEST_BATCH}")
        if not 0 <= self.seed <= LARGEST_SEED:
            raise ValueError(f"seed {self.seed} must be 0 to {LARGEST_SEED}")
        if self.learning_rate <= 0 or not 0 < self.decay <= 1:
            raise ValueError(f"learning_rate {self.learning_rate} must be above 0 and decay {self.decay} in (0, 1]")
        if not 0 <= self.virtual_camera <= 1 or not 0 <= self.scale_invariance <= 1:
            shares = (self.virtual_camera, self.scale_invariance)
            raise ValueError(f"virtual_camera and scale_invariance {shares} must be shares, 0 to 1")
        if not self.feature_pools or not set(self.feature_pools) <= {1, 2, 3}:
            raise ValueError(f"feature_pools {self.feature_pools} must be some of 1, 2, 3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One point of a space."""

    arch: Arch = field(default_factory=Arch)
    training: Training = field(default_factory=Training)
    plan: Plan = field(default_factory=Plan)

    def flat(self) -> dict[str, Any]:
        """Every field by its dotted key: `arch.attention`, `training.lambda_l1`, `plan.head`, ..."""
        return flatten(to_plain(self))

    def with_values(self, values: Mapping[str, Any], *, source: str = "candidate") -> Candidate:
        """The same candidate with some fields changed.

        Args:
            values: by dotted key.
            source: what the values come from, for error messages.

        Raises:
            ConfigError: an unknown key, or a value of the wrong type or range.
        """
        return from_mapping(Candidate, unflatten({**self.flat(), **values}), source=source)

    @property
    def label(self) -> str:
        """A name that a person recognises in a list of runs: `ca w0.35 int8+dynamic`."""
        return self.label_with(())

    def label_with(self, keys: Iterable[str]) -> str:
        """The label with further fields shown: `ca w0.35 decoder_width=0.5 int8+dynamic`.

        Args:
            keys: dotted keys that a list must tell apart; those that the label shows anyway stand there once.
        """
        flat = self.flat()
        more = [f"{key.partition('.')[2]}={_short(flat[key])}" for key in flat if key in set(keys) - _IN_LABEL]
        return " ".join([self.arch.attention, f"w{self.arch.width:g}", *more, self.plan.label])


_IN_LABEL = {"arch.attention", "arch.width", *(f"plan.{field.name}" for field in fields(Plan))}
"""What every label shows already: of a plan, all that makes a difference to it."""


def _short(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "+".join(map(_short, value))
    if isinstance(value, float):
        return f"{value:g}"
    return PurePath(value).name if isinstance(value, str) else str(value)
