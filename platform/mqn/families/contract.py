"""What the platform needs of a network: the record that every family fills in, and the fields that all have.

A family is one `Family` and one `Arch`, its record of fields. Both are light: a family's module imports torch inside
its functions only, so that commands which build no network stay fast. `mqn.models.family_suite` checks all of it.

Rules that no type can state:

* `build` makes a torch module from (N, 3, H, W) in [0, 1] to (N, 3, H, W), H and W multiples of `stride`, that
  `torch.fx` can trace. Names of submodules are stable: twin, TFLite tensors and plans use the same ones.
* Its convolutions stand in submodules ("blocks") whose outputs can be cut at. The output of the submodule `cut` is
  the default cut. Plans call it `interface` in every family.
* All random weights come from torch's global generator, so that a seed gives the same network again.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar

from mqn.errors import ConfigError, UnknownNameError, UsageError, nearest
from mqn.families import DEFAULT_FAMILY, FAMILIES
from mqn.families.fields import check_ranges, left_codecs, weight_fields
from mqn.faults import fault_of
from mqn.parsing import to_plain
from mqn.text.redaction import shortened

if TYPE_CHECKING:
    from torch import Tensor, nn

    from mqn.families.paper import Paper

INTERFACE = "interface"
"""What plans call the default cut, in every family."""

_LARGEST_INPUT = 8192
_SHOWN = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Arch:
    """A network. Every family derives a frozen record from this one, with its own fields (`mqn.families.fields`).

    Attributes:
        family: a name in `FAMILIES`, or `package.module:NAME`.
        input_size: side in pixels of the square crops trained on and of the exported file's input; a multiple of the
            family's stride.
    """

    stride: ClassVar[int] = 1
    """Sides of pictures are multiples of it."""

    family: str = DEFAULT_FAMILY
    input_size: int = 256

    def __post_init__(self) -> None:
        """Check `ranged` fields; a family that checks more calls `Arch.__post_init__(self)` too.

        Raises:
            ValueError: a field is out of its range.
        """
        if not self.stride <= self.input_size <= _LARGEST_INPUT or self.input_size % self.stride:
            raise ValueError(
                f"input_size {self.input_size} must be a multiple of {self.stride}, at most {_LARGEST_INPUT} and not 0"
            )
        check_ranges(self)

    @classmethod
    def variant_of(cls, mapping: Mapping[str, Any], *, source: str, path: str) -> type[Arch]:
        """The record of the family that a mapping of fields names; called by `mqn.parsing.from_mapping`.

        Raises:
            ConfigError: no such family, or a field that the family does not have; names those that it has.
        """
        if cls is not Arch:
            return cls
        name = mapping.get("family", DEFAULT_FAMILY)
        if not isinstance(name, str):
            return cls
        try:
            found = find_family(name).arch
        except UsageError as error:
            raise ConfigError(f"{source}: {path}.family: {error}") from error
        known = [field.name for field in fields(found)]
        for key in mapping:
            if key not in known:
                shown = shortened(str(key), _SHOWN)
                raise ConfigError(f"{source}: unknown key '{path}.{shown}' of family {name!r}; {nearest(shown, known)}")
        return found

    def identity(self) -> dict[str, Any]:
        """All fields as plain values, for keys of artifacts.

        The default family's name is left out, so that artifacts keep their keys that were made before it was a field.
        """
        plain: dict[str, Any] = to_plain(self)
        if self.family == DEFAULT_FAMILY:
            del plain["family"]
        return plain


@dataclass(frozen=True, slots=True, kw_only=True)
class NarrowableBlock:
    """A block that can have fewer channels inside.

    Attributes:
        inner: its output has the channels.
        projection: the 1x1 convolution that reads them.
        norm: the batch norm behind the projection.
        keep: takes out all channels but those of the given indices, in their order.
        prunable: whether pruning may take channels out: nothing outside the block reads them.
    """

    inner: nn.Module
    projection: nn.Conv2d
    norm: nn.BatchNorm2d
    keep: Callable[[Tensor], None]
    prunable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Attended:
    """Attention that can be looked at (the paper's Figure 3).

    Attributes:
        block: whose features and attention are shown unless another is named.
        attention: name of a block's submodule that multiplies its features by sigmoids, and by nothing else.
        kind: what an arch's attention is called; `none` where it has none.
    """

    block: str
    attention: str
    kind: Callable[[Any], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What the platform needs of a network.

    Attributes:
        name: as `arch.family` says it.
        title: the network's name in texts.
        arch: its record of fields.
        label: an arch in a few characters, for lists of runs.
        labelled: fields that the label shows.
        build: the network with random weights, in training mode, on the CPU, float32.
        load_weights: gives a network that `build` made the weights that it starts from, as its arch says; None: it
            always starts from random ones. `mqn.families.whole_state` has the usual one.
        cut: the submodule whose output is the default cut between backbone and head.
        codecs: how its output may stand for linear light (`mqn.hdr.codec`), its usual one first.
        frozen: the submodule that `training.frozen_epochs` keeps as it was loaded, its layers then freed from the back;
            None: nothing is ever frozen.
        narrowable: blocks by name that can have fewer channels inside, of a network; None: it cannot be pruned.
        attended: attention that can be looked at; None: it has none.
        paper: what its paper published, to be set beside our figures; None: nothing.
    """

    name: str
    title: str
    arch: type[Arch]
    label: Callable[[Any], str]
    labelled: frozenset[str] = frozenset()
    build: Callable[[Any], nn.Module]
    load_weights: Callable[[Any, Any], None] | None = None
    cut: str
    codecs: tuple[str, ...]
    frozen: str | None = None
    narrowable: Callable[[Any], dict[str, NarrowableBlock]] | None = None
    attended: Attended | None = None
    paper: Paper | None = field(default=None, repr=False)

    @property
    def stride(self) -> int:
        """Sides of pictures are multiples of it."""
        return self.arch.stride

    def codecs_of(self, arch: Arch) -> tuple[str, ...]:
        """The codecs of a network, its usual one first: those of `codecs` that its fields leave (`answering`)."""
        left = left_codecs(arch).values()
        return tuple(codec for codec in self.codecs if all(codec in some for some in left))

    @property
    def weight_fields(self) -> tuple[str, ...]:
        """Fields that hold the path of a file of weights, or a word for weights that need none."""
        return weight_fields(self.arch)


def find_family(name: str) -> Family:
    """The record of a family.

    Args:
        name: in `FAMILIES`, or `package.module:NAME`.

    Raises:
        UnknownNameError: no family of that name.
        UsageError: a module that cannot be imported, or what it has under that name is no family.
    """
    if name not in FAMILIES and ":" not in name:
        raise UnknownNameError("family", name, FAMILIES, "a network of your own: package.module:NAME")
    return _load(name)


def build_network(arch: Arch) -> nn.Module:
    """A network with the weights that its arch says it starts from; all else is random.

    Raises:
        WeightsError: the weights cannot be had, or do not fit.
    """
    family = find_family(arch.family)
    network = family.build(arch)
    if family.load_weights is not None:
        family.load_weights(network, arch)
    return network


@functools.cache
def _load(name: str) -> Family:
    module, _, attribute = FAMILIES.get(name, name).partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute, None)
    except Exception as error:
        if fault := (fault_of(error) if isinstance(error, OSError) else None):
            raise fault from error
        words = " ".join(str(error).split()) or type(error).__name__
        raise UsageError(
            f"family {name!r}: cannot import {module!r}: {words}; install its package, or name its folder in PYTHONPATH"
        ) from error
    if not isinstance(found, Family):
        raise UsageError(f"family {name!r}: {module} has no mqn.families.contract.Family named {attribute!r}")
    if found.name != name:
        raise UsageError(f"family {name!r}: its record calls itself {found.name!r}; the two must be the same")
    return found
