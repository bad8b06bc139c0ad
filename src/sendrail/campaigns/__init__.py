"""Campaigns: the texts that go to many."""
