"""The gate: what is known of a network before it is trained, and what may not be trained at all."""
