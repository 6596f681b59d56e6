"""A task API for many users: FastAPI in front, one PostgreSQL message per request behind."""

__version__ = "0.1.0"
