"""Tokens, the keys that sign them, and the cache that keeps them per user."""
