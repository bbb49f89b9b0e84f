"""What is found out of a network before a plan is chosen: what layers lose, what sides and rewrites take."""
