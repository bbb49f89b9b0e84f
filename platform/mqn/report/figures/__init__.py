"""PNG pictures of fronts, timings, plans and layers."""
