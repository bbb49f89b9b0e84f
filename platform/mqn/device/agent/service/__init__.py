"""An agent as a service: its configuration, folder, parts and installation."""
