"""Public datasets: which there are, how to get them, and what lies where in them."""
