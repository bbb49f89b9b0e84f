"""ExpandNet."""
