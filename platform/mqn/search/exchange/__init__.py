"""Studies as one file: exported here, imported under another home or into another database."""
