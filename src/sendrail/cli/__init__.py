"""The command line: the same services as the API, for a terminal and for scripts."""
