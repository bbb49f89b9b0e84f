"""Torch networks of any family: graphs, costs, checkpoints, files of weights."""
