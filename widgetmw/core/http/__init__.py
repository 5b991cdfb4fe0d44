"""Reads and rewrites the headers of HTTP responses."""
