"""Deleting studies, and what nobody needs any more."""
