"""Connectors: set up by an operator, opened in a running server, and verified."""
