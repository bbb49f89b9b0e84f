"""A trial whose model lies in a store, as tests of reports have it."""

from __future__ import annotations

from tests.report.conftest import stored, trial

__all__ = ["stored", "trial"]
