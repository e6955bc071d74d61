"""What the worker remembers: versions, cursors, findings, tokens, leases and the audit log."""
