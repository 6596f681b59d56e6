"""The task resource: its table, its SQL statements and its routes."""
