"""Commands that take studies from one home or database to another."""
