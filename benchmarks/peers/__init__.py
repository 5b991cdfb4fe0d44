"""How others put something into pages."""
