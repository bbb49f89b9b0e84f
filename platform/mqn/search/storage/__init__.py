"""The study database: connection, retries, drivers and their leases."""
