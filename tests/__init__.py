"""The specification, run against real parts; the folders mirror those of the product."""
