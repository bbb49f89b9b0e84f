"""From samples to figures that can be trusted: verdicts, intervals, comparisons. Pure functions."""
