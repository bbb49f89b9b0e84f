"""Colours and words that all pictures and pages share, so that a picture and a page of one study look alike."""

from __future__ import annotations

INK = "#1f2933"
MUTED = "#6b7885"
FAINT = "#b8c2cc"
GRID = "#e8ecf0"
PAPER = "#ffffff"
PAGE = "#f4f6f8"
ACCENT = "#0b6e99"
FRONT = ACCENT
"""Trials on the front and the stairs along it."""
LIMIT = "#b3261e"
SERIES = (ACCENT, "#d97706", "#3a7d44", "#8e44ad", LIMIT, "#5c6bc0", "#00897b", "#9e6b3f")
"""For categories, in order; people with red-green blindness can tell the first four apart."""

LIGHT = {
    "page": PAGE, "paper": PAPER, "ink": INK, "muted": MUTED, "faint": FAINT, "line": GRID, "accent": ACCENT,
    "good": "#2d7a3e", "bad": LIMIT,
}  # fmt: skip
DARK = {
    "page": "#14181c", "paper": "#1d2329", "ink": "#e4e9ee", "muted": "#97a3af", "faint": "#55616c", "line": "#313a43",
    "accent": "#5fb8e0", "good": "#6fc483", "bad": "#f08a80",
}  # fmt: skip
"""A page's colours by their names in its stylesheet. Plotly's charts are drawn on `PAPER`: their pages have no dark."""

BEST, BEATEN, INFEASIBLE, HELD = "front", "beaten", "breaks a constraint", "waits for a steady device"
UNSTEADY = "verdict not ok"
GATED = "gated: not trained, so without accuracy"
"""What a legend calls the kinds of points."""
RANGE, OVERLAPPING = "95 % range of the latency", "95 % range of the latency; ≈ they overlap: not told apart"
RANGES, ALIKE = (
    "95 % ranges of latency, and of accuracy against the best",
    "95 % ranges of latency, and of accuracy against the best; ≈ not told apart in both",
)
SEED_RANGES = "95 % ranges of means over seeds, and of latencies"
"""What it calls the bars through points, without and with trials that cannot be told apart; `RANGES` where accuracies
were compared too."""
