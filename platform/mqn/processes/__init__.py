"""What becomes of this process: the signals that end a command in peace."""
