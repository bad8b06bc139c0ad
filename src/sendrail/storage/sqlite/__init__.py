"""The store inside one process: SQLite's texts, and what serves them."""
