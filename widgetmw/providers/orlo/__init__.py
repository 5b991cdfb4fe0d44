"""Orlo: an RS256 token, handed to the widget by the JavaScript of the customer's dashboard."""

from __future__ import annotations

from widgetmw.providers.orlo.provider import Orlo

__all__ = ["Orlo"]
