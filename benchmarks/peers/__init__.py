"""Other packages and techniques that insert something into pages."""
