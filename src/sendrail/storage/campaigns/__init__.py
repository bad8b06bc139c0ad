"""Campaigns as rows: their creatives."""
