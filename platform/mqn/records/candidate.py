"""A point of a space: a network, how it is trained, and how it is quantized (`mqn.records.plan`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import PurePath
from typing import Any, Literal

from mqn.families import DEFAULT_FAMILY
from mqn.families.contract import Arch, Family, find_family
from mqn.families.fields import left_codecs
from mqn.parsing import flatten, from_mapping, to_plain, unflatten
from mqn.records.plan import Plan

Codec = Literal["linear", "mulaw", "log", "pq", "light", "gamma", "gain"]
Precision = Literal["float32", "bfloat16"]

NAMED_FILES = ("imagenet", "random", "parametric")
"""What stands in fields that otherwise hold a path: weights and response curves that need no file of the user's."""

LARGEST_SEED = 2**32 - 1
"""What every generator of random numbers takes."""

# No machine has the memory for more. A larger value is a slip, or an attack.
_LARGEST_BATCH = 65536
_MOST_EPOCHS = 1_000_000

# With more, what is not clipped has no say in a picture of which a thousandth is.
_LARGEST_WEIGHT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """How a network is trained. Defaults are the paper's (section 4.1) where it gives them.

    Attributes:
        codec: how the network's output stands for linear light (`mqn.hdr.codec`, which says why `log`).
        lambda_l1: weight of the L1 loss, lambda 1 of Eq. 2.
        lambda_l2: weight of the L2 loss, lambda 2.
        lambda_cosine: weight of the cosine loss, lambda 3.
        lambda_features: weight of VGG16 feature reconstruction, lambda 4; 0 needs no VGG16.
        feature_weights: VGG16's weights: `imagenet`, `random`, or a path.
        feature_pools: the pooling blocks compared, out of 1, 2, 3.
        scale_invariance: share of each picture's mean difference that the losses leave out (`mqn.train.losses`), 0 to
            1; 0 is the paper's.
        clipped_weight: what a pixel that is clipped in the input counts in the losses, beside 1 of one that is not
            (`mqn.train.losses`), 1 to 1000; 1 is the paper's.
        epochs: passes over the training pictures.
        batch_size: pictures in a step.
        learning_rate: Adam's, at the start.
        decay: the learning rate's factor, applied every `decay_epochs`.
        decay_epochs: epochs between two decays.
        frozen_epochs: epochs in which the part that the family freezes stays as it was loaded; then its layers are
            freed from the back, 5 % more every 5 epochs, batch norms kept frozen. 0 trains everything at once.
        precision: arithmetic of the forward pass; `bfloat16` is autocast.
        virtual_camera: share of the LDR inputs that the virtual camera makes (`mqn.data.pairs.virtual_camera`), 0 to 1;
            the others are made by the paper's tone-mapping operators.
        response_curves: of the virtual camera: `parametric`, or a file of measured curves (`mqn.data.pairs.response`).
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
    clipped_weight: float = 1.0
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
        """Check ranges; a ValueError names the field that is out of its range."""
        weights = tuple(getattr(self, field.name) for field in fields(self) if field.name.startswith("lambda_"))
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
        if not 1 <= self.clipped_weight <= _LARGEST_WEIGHT:
            raise ValueError(f"clipped_weight {self.clipped_weight} must be 1 (all pixels alike) to {_LARGEST_WEIGHT}")
        if not self.feature_pools or not set(self.feature_pools) <= {1, 2, 3}:
            raise ValueError(f"feature_pools {self.feature_pools} must be some of 1, 2, 3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One point of a space. Its network is of the family that `arch.family` names (`mqn.families.contract`)."""

    arch: Arch = field(default_factory=lambda: find_family(DEFAULT_FAMILY).arch())
    training: Training = field(default_factory=Training)
    plan: Plan = field(default_factory=Plan)

    def __post_init__(self) -> None:
        """Check that the training suits the network; a ValueError says where it does not."""
        family = self.family
        if self.training.codec not in family.codecs:
            allowed = " or ".join(family.codecs)
            raise ValueError(f"training.codec {self.training.codec!r}: family {family.name!r} answers in {allowed}")
        for name, left in left_codecs(self.arch).items():
            if self.training.codec not in left:
                raise ValueError(
                    f"arch.{name} {getattr(self.arch, name)} is for training.codec {' or '.join(map(repr, left))}, not "
                    f"{self.training.codec!r}; give that codec, or leave arch.{name} out"
                )
        if self.training.frozen_epochs and family.frozen is None:
            raise ValueError(
                f"training.frozen_epochs {self.training.frozen_epochs}: family {family.name!r} has nothing to freeze; "
                "give 0"
            )
        if self.plan.sparsity and family.narrowable is None:
            raise ValueError(f"plan.sparsity {self.plan.sparsity}: family {family.name!r} cannot be pruned; give 0")

    @property
    def family(self) -> Family:
        """What the platform knows of the network's kind."""
        return find_family(self.arch.family)

    def defaults(self) -> Candidate:
        """The candidate of the same family that says nothing else."""
        return Candidate().with_values({_FAMILY: self.arch.family})

    def flat(self) -> dict[str, Any]:
        """Every field by its dotted key: `arch.family`, `training.lambda_l1`, `plan.head`, ..."""
        return flatten(to_plain(self))

    def with_values(self, values: Mapping[str, Any], *, source: str = "candidate") -> Candidate:
        """The same candidate with some fields changed.

        Where the family changes, only fields that every family has are kept of the former one: a width of one network
        says nothing of another's. Its codec gives way to the new family's own.

        Raises:
            ConfigError: an unknown key, or a value of the wrong type or range.
        """
        kept = self.flat()
        if (name := values.get(_FAMILY, self.arch.family)) != self.arch.family and isinstance(name, str):
            from_mapping(Arch, {"family": name}, source=source, path="arch")
            common = {f"arch.{field.name}" for field in fields(Arch)}
            kept = {key: value for key, value in kept.items() if not key.startswith("arch.") or key in common}
            if self.training.codec not in (codecs := find_family(name).codecs):
                kept["training.codec"] = codecs[0]
        return from_mapping(Candidate, unflatten({**kept, **values}), source=source)

    @property
    def label(self) -> str:
        """A name that a person recognises in a list of runs: `ca w0.35 int8+dynamic`."""
        return self.label_with(())

    def label_with(self, keys: Iterable[str]) -> str:
        """The label with further fields shown: `ca w0.35 epochs=20 int8+dynamic`.

        Args:
            keys: dotted keys that a list must tell apart; those that the label shows anyway stand there once.
        """
        flat, family, wanted = self.flat(), self.family, set(keys)
        named = [family.name] if _FAMILY in wanted or family.name != DEFAULT_FAMILY else []
        shown = {_FAMILY, *_IN_LABEL, *(f"arch.{name}" for name in family.labelled)}
        more = [f"{key.partition('.')[2]}={_short(flat[key])}" for key in flat if key in wanted - shown]
        return " ".join(filter(None, [*named, family.label(self.arch), *more, self.plan.label]))


_FAMILY = "arch.family"
_IN_LABEL = {f"plan.{field.name}" for field in fields(Plan)}
"""What every label shows already: of a plan, all that makes a difference to it."""


def _short(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "+".join(map(_short, value))
    if isinstance(value, float):
        return f"{value:g}"
    return PurePath(value).name if isinstance(value, str) else str(value)
