"""Orlo: an RS256 token, handed to the widget by the JavaScript of the customer's dashboard."""

from __future__ import annotations

from widgetmw.providers.orlo.orlo import Orlo

__all__ = ["Orlo"]
