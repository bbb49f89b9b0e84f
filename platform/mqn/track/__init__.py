"""Tracking: studies and trials as MLflow experiments and runs, delayed but never lost while a server is away."""
