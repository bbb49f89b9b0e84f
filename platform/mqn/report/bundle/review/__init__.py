"""Looks at bundles that exist: is one whole, and does it run as it did; how do two differ."""
