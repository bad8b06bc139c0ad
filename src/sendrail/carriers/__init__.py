"""Carriers, which bring messages to handsets; other packages use them through `sdk`."""
