"""Tables of a space that say how a study spends its trainings."""
