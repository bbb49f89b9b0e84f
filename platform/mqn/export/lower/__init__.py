"""Rewriting operators so that XNNPACK takes them: the same numbers, faster."""
