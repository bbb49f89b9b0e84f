"""Training: losses, schedule, freezing, validation, the loop, checkpoints."""
