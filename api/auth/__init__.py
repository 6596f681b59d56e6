"""Authentication: from the ``Authorization`` header of a request to a user id."""
