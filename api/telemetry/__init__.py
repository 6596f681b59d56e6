"""Logs, metrics and the facts of one request."""
