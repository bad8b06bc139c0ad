"""Offers, tracking domains and conversions as rows."""
