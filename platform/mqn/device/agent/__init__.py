"""The service that lends a device over HTTP."""
