"""Tests of ``api/tasks``."""
