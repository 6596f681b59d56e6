"""A serverless database sleeps, restarts and cuts connections: what its users notice of it."""
