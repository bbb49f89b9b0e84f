"""This machine as a device: passes in confined subprocesses."""
