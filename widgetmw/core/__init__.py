"""The part of widgetmw without I/O: no framework, event loop, global clock or environment in here."""
