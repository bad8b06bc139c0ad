"""Twilio Programmable Messaging, by its REST API and webhooks."""
