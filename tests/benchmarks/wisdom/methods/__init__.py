"""The methods that are compared. Each takes a replay and a seed, and runs until its budget is spent."""
