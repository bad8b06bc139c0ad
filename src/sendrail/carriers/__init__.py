"""Ways to the handsets; the rest of the house reaches them through `sdk`."""
