"""The budget of a study that is open: for its drivers, and for whoever looks at it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable

import optuna

from mqn.parsing import from_mapping, to_plain
from mqn.profile_tables.budget import BudgetProfile
from mqn.records import TrialRecord
from mqn.search.budget.budgets import Budgets
from mqn.search.budget.ledger import Ledger
from mqn.search.budget.spent import Spent
from mqn.search.storage.lease import Lease
from mqn.search.storage.store import StudyStore

_BUDGET = "budget"


def open_budgets(
    limits: BudgetProfile,
    study: optuna.Study,
    store: StudyStore,
    lease: Lease | None,
    records: Callable[[], Iterable[TrialRecord]],
    clock: Callable[[], float] = time.monotonic,
) -> Budgets:
    """Begin to spend on a study, and remember its limits for `mqn status`.

    A study of an earlier version has nothing written down: the trainings that its `records` tell of are counted.
    """
    ledger = Ledger(store, study.study_name, uuid.uuid4().hex if lease is None else lease.driver)
    ledger.open()
    budgets = Budgets(limits, ledger, clock=clock)
    if ledger.totals() == Spent():
        budgets.take_over(records())
    plain = to_plain(limits)
    if study.user_attrs.get(_BUDGET) != plain:
        study.set_user_attr(_BUDGET, plain)
    return budgets


def spent_of(study: optuna.Study, store: StudyStore) -> Spent:
    """What all drivers of a study have spent; a driver at work writes it down every few seconds."""
    return spent_in(study.study_name, store)


def spent_in(study: str, store: StudyStore) -> Spent:
    """The same by the study's name."""
    return Ledger(store, study, "").totals()


def limits_of(study: optuna.Study) -> BudgetProfile:
    """What its last driver was allowed to spend."""
    plain = study.user_attrs.get(_BUDGET, {})
    return from_mapping(BudgetProfile, plain, source=f"budget of study {study.study_name!r}")
