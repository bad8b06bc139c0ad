"""The HTTP door: parse, one service call, shape; nothing is decided here."""
