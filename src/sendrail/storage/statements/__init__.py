"""Statements over the tables, one class for each kind of thing, in one dialect for every database.

Each class holds the connection of one transaction and nothing else. What is hot enough to need
text of its own stands elsewhere.
"""
