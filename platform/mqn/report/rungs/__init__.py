"""What stopping trainings at rungs did in a study, or would have done."""
