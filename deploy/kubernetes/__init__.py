"""Manifests for a cluster that uses Neon; README.md says how they are applied."""
