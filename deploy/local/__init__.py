"""The API on a developer's machine, without Docker."""
