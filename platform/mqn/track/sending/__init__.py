"""From the spool to MLflow: in the background, in a process of its own, one queue a server."""
