"""From an Authorization header to a user id."""
