"""Bandwidth, by its messaging API and its webhooks."""
