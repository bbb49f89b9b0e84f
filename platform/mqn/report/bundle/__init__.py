"""A chosen model in a folder, verified, with everything an app developer needs."""
