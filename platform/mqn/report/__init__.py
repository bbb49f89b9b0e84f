"""What comes out of a study: fronts, figures, tables, boards and bundles."""
