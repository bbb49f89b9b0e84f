"""Tracking: studies and trials as MLflow experiments and runs. While a server is away, they wait in a spool."""
