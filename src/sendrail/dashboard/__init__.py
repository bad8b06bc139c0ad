"""The dashboard: pages over the same services as the API, rendered here; no rule of its own."""
