"""Sinch SMS, by its REST API (XMS) and callbacks."""
