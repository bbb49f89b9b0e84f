"""A study in simulated time: cluster, devices, times, failures and figures are drawn; everything else is real."""
