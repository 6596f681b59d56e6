"""The one resource: its table, its statements, its routes."""
