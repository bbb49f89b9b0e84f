"""What a study keeps of its end where its front has stalled, for `mqn status`."""

from __future__ import annotations

import optuna

from mqn.search.budget.stall import Stalled

_STALLED = "stalled"


def note_stall(study: optuna.Study, stalled: Stalled | None, begun: int) -> None:
    """Remember that a study ended because its front had stalled, or that it did not end so this time.

    `begun` is how many trials it had begun then.
    """
    told = None if stalled is None else {"line": str(stalled), "trials": begun}
    if study.user_attrs.get(_STALLED) != told:
        study.set_user_attr(_STALLED, told)


def stall_of(study: optuna.Study, begun: int) -> str:
    """The line on the stall that a study ended with; empty where it did not, or has begun trials since."""
    told = study.user_attrs.get(_STALLED)
    return str(told["line"]) if told is not None and told["trials"] == begun else ""
