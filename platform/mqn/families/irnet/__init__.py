"""IRNet."""
