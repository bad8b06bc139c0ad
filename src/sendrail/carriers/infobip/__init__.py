"""Infobip, by version 3 of its SMS API and webhooks."""
