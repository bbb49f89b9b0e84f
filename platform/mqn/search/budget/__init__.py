"""Budgets of a study: what is spent, where that is written down, and when nothing more begins."""
