"""``make load``: simulated users, below the rate limits of nginx for one address."""
