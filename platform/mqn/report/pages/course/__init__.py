"""Panels on the course of a study: its trainings, its jobs, and what decided which trials are best."""
