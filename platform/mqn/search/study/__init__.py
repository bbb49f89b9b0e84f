"""A study from request to finish: what it is called, what it draws, what became of its trials."""
