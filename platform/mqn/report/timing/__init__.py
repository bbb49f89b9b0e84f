"""Latencies in words, and how well a device repeats them."""
