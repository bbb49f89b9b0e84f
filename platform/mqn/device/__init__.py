"""Measuring an exported file on a device: the wire format, the agent that serves a device, and the client beside it."""
