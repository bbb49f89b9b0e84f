"""The studies that a dashboard shows, as their database says, and the bundles made of them."""
