"""The edge exporter, and the generator of the alerting rules."""
