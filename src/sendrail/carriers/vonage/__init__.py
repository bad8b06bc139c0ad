"""Vonage, formerly Nexmo, by its SMS API and webhooks."""
