"""The panels of a dashboard: drawn, followed while the page is open, and asked back."""
