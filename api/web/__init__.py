"""Everything between the server and an endpoint, and back."""
