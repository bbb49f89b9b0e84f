"""Plans that a search can start from."""
