"""Trained networks: their checkpoints, and how one is built; other people's, as predictors."""
