"""A space: dimensions, conditions, points and goals, and the TOML file that they stand in."""
