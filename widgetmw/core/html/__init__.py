"""Finds where the script goes in an HTML page that arrives in chunks, and inserts it there."""
