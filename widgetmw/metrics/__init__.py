"""The exporters that ``WIDGETMW_METRICS`` names, one module each, imported only if it does."""
