"""What the agent serves over HTTP: routes, endpoints, bounds on connections."""
