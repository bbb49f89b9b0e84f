"""Bundles for commands, from the fixtures of the room that writes them."""

from tests.report.conftest import stored, trial

__all__ = ["stored", "trial"]
