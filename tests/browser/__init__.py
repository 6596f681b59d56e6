"""Front ends as they exist, in a real browser at an origin of their own."""
