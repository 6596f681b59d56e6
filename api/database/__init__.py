"""From a statement to its rows: one message, one round trip, no threads."""
