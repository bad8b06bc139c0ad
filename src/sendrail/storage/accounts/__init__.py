"""Accounts, their keys, connectors and lists as rows."""
