"""Every error that a client can receive (RFC 9457)."""
