"""What comes back: callbacks are stored and acknowledged at once, and applied afterwards."""
