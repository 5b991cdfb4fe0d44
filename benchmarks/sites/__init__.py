"""Apps to run on real servers."""
