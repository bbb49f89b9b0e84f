"""A study's page: dashboards, panels, lists."""
