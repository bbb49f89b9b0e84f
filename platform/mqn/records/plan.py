"""How a network is quantized: where it is cut, the scheme of each side and of single layers, how ranges are found."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from mqn.errors import nearest
from mqn.families.contract import INTERFACE
from mqn.parsing import to_plain

Scheme = Literal[
    "float32",
    "float16",
    "dynamic_wi8_afp32",
    "dynamic_wi4_afp32",
    "static_wi8_ai8",
    "static_wi4_ai8",
    "static_wi8_ai16",
]
Layout = Literal["fused", "pair"]
Calibration = Literal["minmax", "moving_average", "percentile", "mse"]
Method = Literal["ptq", "qat"]

_SHORT = {
    "dynamic_wi8_afp32": "dynamic",
    "dynamic_wi4_afp32": "dynamic4",
    "static_wi8_ai8": "int8",
    "static_wi4_ai8": "int4",
    "static_wi8_ai16": "int16",
}
LOWERINGS = ("phases", "doubling", "pairs", "tiles", "norms", "order")
"""Rewrites of the exported graph by name, in the order that they are made (`mqn.export.lower.lowering`)."""

DEFAULT_LOWERINGS = tuple(name for name in LOWERINGS if name != "tiles")
"""Those that are made where no device was asked. Tiles are those of one kind of processor, and slow others down."""

_MOST_RULES_IN_LABEL = 2
_DEFAULT_PICTURES, _DEFAULT_STEPS = 16, 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Where the network is cut, how each side is quantized, and into how many files.

    Attributes:
        cut: the tensor between backbone and head, one of the names that `mqn describe` lists; `interface` is the
            family's default. Everything that it is computed from is the backbone. Two files can only be made where
            nothing else crosses.
        backbone: ai-edge-quantizer's scheme of everything up to the cut.
        head: the scheme of everything behind it.
        rules: schemes of single layers, later ones win: `block1.*=static_wi8_ai16; block2.conv=float32`, or a list of
            pairs of a pattern and a scheme, which is kept as such a text (so that a space can list rules as choices). A
            pattern is a layer's dotted name with `*` for anything; the leading `backbone.` may be left out, and a name
            stands for all within it.
        layout: `fused`: one file. `pair`: the paper's two files.
        calibration: how static schemes find the range of an activation. `minmax`: all that occurred.
            `moving_average`: the mean of the pictures' ranges. `percentile`: all but the outermost values. `mse`: the
            range that loses least, between rounding and clipping.
        calibration_pictures: training pictures that fix the ranges of static schemes.
        method: `ptq`: the trained weights are rounded. `qat`: they are fine-tuned on the grid that calibration found,
            taught by the float network; needs a static scheme.
        qat_steps: of fine-tuning, four pictures each; where channels are pruned, as many again, before.
        sparsity: share of the channels inside the family's narrowable blocks that are pruned, 0 to below 1; what is
            left is fine-tuned in float.
        lowering: how the graph is rewritten, with the same numbers, so that it runs faster. `auto`: as a device
            chose, or `DEFAULT_LOWERINGS`. `none`: not at all. Otherwise names of `LOWERINGS`: `norms,phases`.
    """

    cut: str = INTERFACE
    backbone: Scheme = "static_wi8_ai8"
    head: Scheme = "dynamic_wi8_afp32"
    rules: str | tuple[tuple[str, str], ...] = ""
    layout: Layout = "fused"
    calibration: Calibration = "minmax"
    calibration_pictures: int = _DEFAULT_PICTURES
    method: Method = "ptq"
    qat_steps: int = _DEFAULT_STEPS
    sparsity: float = 0.0
    lowering: str = "auto"

    def __post_init__(self) -> None:
        """Check ranges and rules, and write rules in the form they are kept in. A ValueError says what is wrong."""
        if self.calibration_pictures < 1:
            raise ValueError(f"calibration_pictures {self.calibration_pictures} must be at least 1")
        if self.qat_steps < 1:
            raise ValueError(f"qat_steps {self.qat_steps} must be at least 1; method ptq takes none")
        if not 0 <= self.sparsity < 1:
            raise ValueError(f"sparsity {self.sparsity} must be a share in [0, 1); 0 prunes nothing")
        pairs = _split(self.rules) if isinstance(self.rules, str) else self.rules
        object.__setattr__(self, "lowering", _lowering(self.lowering))
        object.__setattr__(self, "rules", "; ".join(f"{pattern}={scheme}" for pattern, scheme in _checked(pairs)))

    @property
    def scheme_rules(self) -> tuple[tuple[str, Scheme], ...]:
        """Pattern and scheme of every rule, in order."""
        assert isinstance(self.rules, str)
        return tuple(_checked(_split(self.rules)))

    @property
    def schemes(self) -> tuple[Scheme, ...]:
        """Every scheme that the plan names, each once."""
        return tuple(dict.fromkeys((self.backbone, self.head, *(scheme for _, scheme in self.scheme_rules))))

    @property
    def static(self) -> bool:
        """Whether a scheme fixes ranges beforehand, so that calibration has an effect."""
        return any(scheme.startswith("static") for scheme in self.schemes)

    @property
    def rewrites(self) -> tuple[str, ...]:
        """The names of the rewrites that the graph gets, in order."""
        if self.lowering == "auto":
            return DEFAULT_LOWERINGS
        return () if self.lowering == "none" else tuple(self.lowering.split(","))

    @property
    def numbers(self) -> dict[str, Any]:
        """What decides the numbers a network computes: not how many files hold it, nor how they are rewritten."""
        return {key: value for key, value in to_plain(self).items() if key not in ("layout", "lowering")}

    @property
    def tuned(self) -> bool:
        """Whether weights are fine-tuned before they are quantized."""
        return self.method == "qat" or self.sparsity > 0

    @property
    def label(self) -> str:
        """The plan in a few characters, for run names and axes: what differs from the defaults is added.

        `int8+dynamic`, `pair:float32+float32`, `int8+dynamic@block1 block2.conv=float32 percentile n32`.
        """
        names = "+".join(_SHORT.get(scheme, scheme) for scheme in (self.backbone, self.head))
        words = [names if self.layout == "fused" else f"{self.layout}:{names}"]
        if self.cut != INTERFACE:
            words[0] += f"@{self.cut.removeprefix('backbone.')}"
        rules = [f"{pattern}={_SHORT.get(scheme, scheme)}" for pattern, scheme in self.scheme_rules]
        if len(rules) <= _MOST_RULES_IN_LABEL:
            words += rules
        else:
            words.append(f"{len(rules)} rules {hashlib.sha256(str(self.rules).encode()).hexdigest()[:4]}")
        if self.static and self.calibration != "minmax":
            words.append(self.calibration)
        if self.static and self.calibration_pictures != _DEFAULT_PICTURES:
            words.append(f"n{self.calibration_pictures}")
        if self.sparsity:
            words.append(f"pruned{self.sparsity:g}")
        if self.method == "qat":
            words.append("qat")
        if self.tuned and self.qat_steps != _DEFAULT_STEPS:
            words[-1] += f"/{self.qat_steps}"
        if self.lowering != "auto":
            words.append("unlowered" if self.lowering == "none" else f"lowered:{self.lowering}")
        return " ".join(words)


def _lowering(text: str) -> str:
    """A choice of rewrites as it is kept: in the order that they are made, each once."""
    if text in ("auto", "none"):
        return text
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in LOWERINGS:
            near = nearest(name, (*LOWERINGS, "auto", "none"))
            raise ValueError(f"lowering {text!r}: there is no rewrite {name!r}; {near}")
    if not names:
        raise ValueError(f"lowering {text!r} names no rewrite; write none for none of them")
    return ",".join(name for name in LOWERINGS if name in names)


def _split(text: str) -> list[tuple[str, str]]:
    pairs = []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        pattern, separator, scheme = part.partition("=")
        if not separator:
            raise ValueError(f"rule {part!r}: write PATTERN=SCHEME, for example block2.conv=float32")
        pairs.append((pattern.strip(), scheme.strip()))
    return pairs


def _checked(pairs: Iterable[tuple[str, ...]]) -> list[tuple[str, Scheme]]:
    checked = []
    for pair in pairs:
        if len(pair) != 2:
            raise ValueError(f"rule {list(pair)!r}: give a pattern and a scheme, for example block2.conv, float32")
        pattern, scheme = pair
        if not pattern or set(pattern) & set("=; \t\n"):
            raise ValueError(f"rule {pattern!r}: a pattern is a layer's dotted name, with * for anything")
        if scheme not in get_args(Scheme):
            raise ValueError(f"rule {pattern!r}: no scheme {scheme!r}; {nearest(scheme, get_args(Scheme))}")
        checked.append((pattern, cast("Scheme", scheme)))
    return checked
