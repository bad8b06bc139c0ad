"""Connectors as things an operator manages: set up, opened in a running server, heard, verified."""
