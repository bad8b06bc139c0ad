"""Version 2 of the public API, one file a resource."""
