"""What comes out of a study: fronts, figures, tables, dashboards and bundles."""
