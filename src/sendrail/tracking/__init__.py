"""What links earn: offers, the domains that links stand on, conversions and revenue."""
