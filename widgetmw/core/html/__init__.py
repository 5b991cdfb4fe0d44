"""Finds where the script goes in an HTML page that streams by, and puts it there."""
