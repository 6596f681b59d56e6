"""Many devices of one user: what they hold in the end is what the API holds."""
