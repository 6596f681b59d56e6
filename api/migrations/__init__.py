"""The schema, as Alembic revisions: the one place that creates or changes tables."""
