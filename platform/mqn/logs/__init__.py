"""What a job and its children print, kept in a file."""
