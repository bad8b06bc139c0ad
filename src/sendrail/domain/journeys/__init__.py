"""Journeys as pure values: their documents, the way of a contact through one, and simulation."""
