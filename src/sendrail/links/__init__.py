"""Short links in texts: what stands for them in a row, and what they look like when they leave."""
