"""Apps that are measured on real servers."""
