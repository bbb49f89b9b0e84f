"""Judges methods on pictures in worker processes, and keeps every judgement in a ledger."""
