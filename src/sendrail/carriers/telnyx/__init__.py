"""Telnyx Messaging, by its REST API (v2) and webhooks."""
