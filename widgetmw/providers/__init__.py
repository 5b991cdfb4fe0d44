"""The vendors. Each is a Python module, what the server mints, and a JavaScript file, what the browser does with it."""

from __future__ import annotations

from widgetmw.core.provider import register

register("digitalgenius", "widgetmw.providers.digitalgenius:DigitalGenius")
register("hissuno", "widgetmw.providers.hissuno:Hissuno")
register("orlo", "widgetmw.providers.orlo:Orlo")
register("giosg", "widgetmw.providers.giosg:Giosg")
