"""Serving the API: gunicorn, its worker, and the preparation of the Compose stack."""
