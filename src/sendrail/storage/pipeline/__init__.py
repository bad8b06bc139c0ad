"""A message on its way, and what comes back, as rows: one class for each set of statements."""
