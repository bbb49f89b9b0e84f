"""Inspects a dataset: counts, dynamic range, contact sheets."""
