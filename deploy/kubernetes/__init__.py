"""Manifests for a cluster that uses Neon; README.md has the commands."""
