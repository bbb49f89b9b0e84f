"""Panels on a whole study that take more than a drawing: trainings with their plans."""
