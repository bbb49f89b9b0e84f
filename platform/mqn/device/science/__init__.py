"""Statistics of samples: verdicts, intervals, comparisons. Pure functions."""
