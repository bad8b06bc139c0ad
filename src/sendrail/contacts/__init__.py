"""Whom an account may reach, from which numbers, and on which journeys."""
