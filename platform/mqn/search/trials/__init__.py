"""The trials of a study: read, queued, drawn and written, each in few statements."""
