"""Sendrail: a self-hosted platform for sending SMS."""

__version__ = "0.1.0"
