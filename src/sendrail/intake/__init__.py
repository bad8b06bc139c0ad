"""Take an order, judge it, queue it: the only way a message comes into being."""
