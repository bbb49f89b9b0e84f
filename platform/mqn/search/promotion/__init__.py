"""Trials that wait at a rung, and how they go on."""
