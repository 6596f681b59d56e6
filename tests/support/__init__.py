"""What the tests are made of: real servers, clients that watch every answer, a counting proxy."""
