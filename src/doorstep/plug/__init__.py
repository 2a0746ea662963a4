"""plug: the sockets to the outside world, and what fits them."""
