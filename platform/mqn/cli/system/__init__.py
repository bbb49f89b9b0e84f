"""Commands on this machine and its services."""
