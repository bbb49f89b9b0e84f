"""Which trial of a study is taken: the knee of its front, limits, and trials that cannot be told apart."""
