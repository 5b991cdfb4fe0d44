"""The token endpoint and a route with a constant, and a streamed page as it is and with ours."""

from __future__ import annotations

from benchmarks.sections.endpoint import apps
from benchmarks.sections.stream import streaming
from benchmarks.subject import asgi_ours

_apps = apps()
route, endpoint = _apps["route"], _apps["ours"]
long, long_ours = streaming(), asgi_ours(streaming())
short, short_ours = streaming(1_000_000), asgi_ours(streaming(1_000_000))
