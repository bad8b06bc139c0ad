"""The store for many machines: PostgreSQL, shared by any number of processes.

The same door and the same tables as the embedded store. What differs follows from many processes
writing at once: rows are locked where the embedded store has one writer, message numbers and the
duplicate window live in the database, and every hot statement names its lane, so that a distributed
PostgreSQL runs it on one shard.
"""
