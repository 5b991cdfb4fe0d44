"""The signed-in user of a request, and how to find out who it is."""
