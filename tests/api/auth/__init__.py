"""Tests of ``api/auth``."""
