"""What the environment says, checked once at start."""
