"""Which rewrites the files of a study have that its gate tuned, by device."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from mqn.records import TrialRecord


def count_rewrites(records: Iterable[TrialRecord]) -> dict[str, Counter[str]]:
    """By target, the rewrites as `Plan.lowering` names them, and how many trials have a file with them there.

    Empty where the gate does not tune.
    """
    found: dict[str, Counter[str]] = {}
    for record in records:
        for target, rewrites in record.lowering.items():
            found.setdefault(target, Counter())[rewrites] += 1
    return found


def rewrites_text(target: str, counts: Mapping[str, int]) -> str:
    """A line on one target: `files tuned on board: phases,norms in 3 trials; none in 1`; the most frequent first."""
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    (name, count), *others = ordered
    first = f"{name} in {count} trial{'' if count == 1 else 's'}"
    return f"files tuned on {target}: {'; '.join((first, *(f'{name} in {count}' for name, count in others)))}"


def file_text(record: TrialRecord, target: str | None) -> str:
    """Whose file of a trial this is, in Markdown; empty where the gate did not tune.

    Args:
        record: the trial.
        target: whose file it is; None: the first one's.
    """
    if not record.lowering:
        return ""
    first = next(iter(record.lowering))
    target = target or first
    own = record.lowering[target]
    others = [f"`{other}` runs `{rewrites}`" for other, rewrites in record.lowering.items() if rewrites != own]
    users = " and ".join(f"`{name}`" for name, rewrites in record.lowering.items() if rewrites == own)
    told = [f"The study tuned the graph before the training. This is the file of {users}: rewrites `{own}`."]
    if others:
        told.append(f"Other devices have files of their own (`mqn select --device`): {', '.join(others)}.")
    if record.lowering[first] != own:
        told.append(
            f"Accuracy was scored on the file of `{first}`. Rewrites compute the same bit by bit, but for `norms`, "
            "which adds floats up in another order."
        )
    return " ".join(told)
