"""``make load``: users at work, as many requests as the limits of nginx let one address send."""
