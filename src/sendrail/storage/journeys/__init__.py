"""The sets of statements for contacts on their way through journeys."""
