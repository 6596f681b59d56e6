"""Tests of ``deploy/``, nginx and the Compose stack."""
