"""Who may ask what: authority, certificates, tokens, privileges, the audit log."""
