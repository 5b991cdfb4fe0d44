"""Environment variables and the files that may hold their values."""
