"""Latency from operators, fitted from profiles of one device: orders work, and never stands in a report."""
