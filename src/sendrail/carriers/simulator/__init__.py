"""The sandbox carrier: it reaches no handset, and the recipient's number selects the result."""
