"""What things are: pure values and laws, without I/O, clock, randomness or framework."""
