"""Text for people and terminals: without secrets, without control characters, names that tell things apart."""
