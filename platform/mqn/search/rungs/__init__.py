"""Rungs: trainings that are stopped early, and the rule by which some go on."""
