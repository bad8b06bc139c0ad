"""Vonage, formerly Nexmo: a kind for its SMS API, one for its Messages API, webhooks of both."""
