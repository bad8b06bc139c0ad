"""Contacts, what they consented to, and what is known of them, as rows."""
