"""Plivo Messaging, by its REST API and callbacks."""
