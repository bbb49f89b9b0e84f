"""Panels on one trial, drawn when somebody opens them: its pictures, its latency."""
