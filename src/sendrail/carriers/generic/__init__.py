"""The carrier of kind `http`: any vendor with a plain HTTP API, described by settings."""
