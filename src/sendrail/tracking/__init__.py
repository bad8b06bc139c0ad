"""Short links and their clicks: who followed a link, where it leads, and what came of it."""
