"""The token endpoint beside a constant route, and a streamed page, bare and with the middleware."""

from __future__ import annotations

from benchmarks.sections.endpoint import apps
from benchmarks.sections.stream import streaming
from benchmarks.subject import asgi_widgetmw

_apps = apps()
route, endpoint = _apps["route"], _apps["endpoint"]
long_without, long_with_widgetmw = streaming(), asgi_widgetmw(streaming())
short_without, short_with_widgetmw = streaming(1_000_000), asgi_widgetmw(streaming(1_000_000))
