"""Vonage, formerly Nexmo: one kind for its SMS API and one for its Messages API."""
