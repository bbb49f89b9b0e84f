"""Samplers: what draws the next point of a study, by name."""
