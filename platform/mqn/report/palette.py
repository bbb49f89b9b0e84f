"""Colours and words that the figures share, so that a picture and a page of one study look alike."""

from __future__ import annotations

INK = "#1f2933"
MUTED = "#7b8794"
FAINT = "#b8c2cc"
GRID = "#e8ecf0"
PAPER = "#ffffff"
ACCENT = "#0b6e99"
LIMIT = "#b3261e"
SERIES = ("#0b6e99", "#d97706", "#3a7d44", "#8e44ad", "#b3261e", "#5c6bc0", "#00897b", "#9e6b3f")
"""For categories, in order; told apart by people with red-green blindness in the first four."""

BEST, BEATEN, INFEASIBLE, HELD = "front", "beaten", "breaks a constraint", "waits for a steady device"
UNSTEADY = "verdict not ok"
"""What a legend calls the kinds of points."""
RANGE, OVERLAPPING = "95 % range of the latency", "95 % range of the latency; ≈ they overlap: not told apart"
"""What it calls the bars through points, without and with trials that cannot be told apart."""
