"""The database schema as Alembic revisions; nothing else creates or changes tables."""
