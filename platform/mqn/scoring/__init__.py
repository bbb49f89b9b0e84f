"""Judging: any predictor on a fixed set of pictures, in parallel and resumable, and what comes of it."""
