"""`mqn front`: a study's Pareto front as a table, a picture, an interactive page, JSON."""
