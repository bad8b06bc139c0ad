"""People who use the dashboard: their sign-in, their sessions, and their roles in accounts."""
