"""The domain: pure values and rules, without I/O, clock, randomness or framework."""
