"""Which rewrites make a file fastest on a device: a file with each is timed against the file without it, one by one.

Rewrites do not change what a network computes, so time alone decides. Coordinate descent begins with the rewrites that
are made by default. A rewrite stays where the file without it takes longer. Where it does not, or the two cannot be
told apart, the simpler graph stays. In the end the file must not be slower than one without any rewrite.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mqn.errors import UnsteadyError
from mqn.export.choose.agreement import NEAR
from mqn.export.lower.lowering import lower
from mqn.records import Ratio, RewriteTime, TriedRewrite
from mqn.records.plan import DEFAULT_LOWERINGS, LOWERINGS
from mqn.tflite.flatbuffer import Network

WIDEST = 0.15
"""A ratio that finds no difference and whose range is wider says next to nothing."""

_LAST = 2
"""Comparisons that come last: against the default, and against a file without rewrites."""

Compare = Callable[[Sequence[Path], Sequence[Path]], Ratio]
"""Times two models in turns: the second's time over the first's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """What came of it; the fields are those of `mqn.records.Tuning`."""

    rewrites: tuple[str, ...]
    tried: tuple[TriedRewrite, ...]
    over_default: Ratio | None
    over_none: Ratio | None


def tune(
    parts: Sequence[Network],
    folder: Path,
    compare: Compare,
    *,
    seconds_left: Callable[[], float],
    tell: Callable[[str], object] = lambda _: None,
) -> Tuned:
    """Find the fastest file for a device.

    Args:
        parts: the quantized network without any rewrite: one file, or backbone and head. They stay as they are.
        folder: for the files that are timed.
        compare: times two models on the device.
        seconds_left: that the search may still take. What there is no time to try stays as it is by default; the last
            two comparisons, against the default and against no rewrite, have their time kept for them.
        tell: told what is tried, before it is.

    Raises:
        UnsteadyError: the device is too unsteady even for files that run in turns.
    """
    files = Forms(parts, folder)
    best, tried, longest = tuple(DEFAULT_LOWERINGS), [], 0.0
    for name in sorted(LOWERINGS, key=DEFAULT_LOWERINGS.__contains__):  # First what the default lacks.
        fewer = tuple(other for other in best if other != name)
        more = tuple(other for other in LOWERINGS if other == name or other in best)
        began = seconds_left()
        if files.same(more, fewer):
            tried.append(TriedRewrite(name=name, without=None, kept=False, why="changes nothing in this network"))
        elif began <= _LAST * longest:
            kept = name in DEFAULT_LOWERINGS
            tried.append(TriedRewrite(name=name, without=None, kept=kept, why="no time was left to try it"))
        else:
            tell(f"with and without {name}")
            ratio = compare(files.of(more), files.of(fewer))
            longest = max(longest, began - seconds_left())
            if not ratio.different and _is_wide(ratio) and seconds_left() > _LAST * longest:
                tell(f"with and without {name}, again")
                ratio = min(ratio, compare(files.of(more), files.of(fewer)), key=_width)
            _refuse_guess(ratio)
            tried.append(_judge(name, ratio))
        best = more if tried[-1].kept else fewer

    def over(names: tuple[str, ...], words: str) -> Ratio | None:
        tell(f"against {words}")
        return None if files.same(names, best) else compare(files.of(names), files.of(best))

    # Rewrites were judged one by one. Neither the default nor the file without any may be faster than all together.
    over_default = over(DEFAULT_LOWERINGS, "the default")
    if over_default is not None and _is_slower(over_default):
        best, over_default = DEFAULT_LOWERINGS, None
    over_none = over((), "a file without rewrites")
    if over_none is not None and _is_slower(over_none):
        best, over_none = (), None
        over_default = over(DEFAULT_LOWERINGS, "the default")
    return Tuned(rewrites=best, tried=tuple(tried), over_default=over_default, over_none=over_none)


def time_choices(
    parts: Sequence[Network],
    choices: Sequence[tuple[str, ...]],
    folder: Path,
    compare: Compare,
    *,
    seconds_left: Callable[[], float],
    tell: Callable[[str], object] = lambda _: None,
) -> tuple[RewriteTime, ...]:
    """Time some choices of rewrites against the file without any.

    Choices that make that very file are left out, and those for which no time is left. Arguments and errors are those
    of `tune`.
    """
    files, found = Forms(parts, folder), []
    for names in choices:
        if seconds_left() > 0 and not files.same((), names):
            tell(f"{','.join(names)} against a file without rewrites")
            ratio = compare(files.of(()), files.of(names))
            _refuse_guess(ratio)
            found.append(RewriteTime(rewrites=names, over_none=ratio))
    return tuple(found)


def _refuse_guess(ratio: Ratio) -> None:
    if not ratio.different and _width(ratio) > WIDEST:
        raise UnsteadyError(
            "the device is too unsteady to tune on: the ratio of two files that ran in turns is known to "
            f"{50 * _width(ratio):.0f} % only; stop what else runs there, or set measure.processes higher"
        )


def _judge(name: str, ratio: Ratio) -> TriedRewrite:
    if ratio.different:
        kept = ratio.value > 1
        return TriedRewrite(name=name, without=ratio, kept=kept, why="faster with it" if kept else "faster without it")
    why = "cannot be told apart" if _is_wide(ratio) else f"the same within {100 * NEAR:g} %"
    return TriedRewrite(name=name, without=ratio, kept=False, why=f"{why}; the simpler graph stays")


def _is_slower(ratio: Ratio) -> bool:
    return ratio.different and ratio.value > 1


def _is_wide(ratio: Ratio) -> bool:
    return ratio.range.low < 1 - NEAR or ratio.range.high > 1 + NEAR


def _width(ratio: Ratio) -> float:
    return ratio.range.high - ratio.range.low


@dataclass(slots=True)
class Forms:
    """The files of a network by rewrites, each made once."""

    parts: Sequence[Network]
    folder: Path
    _made: dict[tuple[str, ...], tuple[Path, ...]] = field(default_factory=dict)

    def of(self, rewrites: Sequence[str]) -> tuple[Path, ...]:
        """The files with some rewrites."""
        names = tuple(rewrites)
        if names not in self._made:
            self._made[names] = tuple(self._write(part, number, names) for number, part in enumerate(self.parts))
        return self._made[names]

    def same(self, first: Sequence[str], second: Sequence[str]) -> bool:
        """Whether two choices make the same bytes."""
        pairs = zip(self.of(first), self.of(second), strict=True)
        return all(one.read_bytes() == other.read_bytes() for one, other in pairs)

    def _write(self, part: Network, number: int, names: tuple[str, ...]) -> Path:
        network = part.copy()
        lower(network, names)
        return network.write(self.folder / f"{'-'.join(names) or 'none'}-{number}.tflite")
