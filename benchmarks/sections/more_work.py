"""Requests and responses that need more work than an ordinary page, such as a CSP with a nonce or a compressed body."""

from __future__ import annotations

import gzip
from collections.abc import Mapping

from benchmarks.effort import Effort
from benchmarks.finding import Section
from benchmarks.rounds import Estimate, run_interleaved
from benchmarks.subject import ADA, asgi_widgetmw, signed_in, wsgi_widgetmw
from benchmarks.traffic import (
    HTML,
    JSON,
    SHORT_HEADERS,
    AsgiApp,
    Headers,
    asgi_app,
    event_loop,
    page,
    wsgi_app,
    wsgi_batch,
)
from widgetmw import User

_CSP = (b"content-security-policy", b"default-src 'self'; script-src 'self' 'nonce-c2FtZSBlYWNoIHRpbWU'; img-src *")
_GZIP = (b"content-encoding", b"gzip")
_CONDITIONAL: Headers = [*SHORT_HEADERS, (b"if-none-match", b'"1"')]
_CROSS_SITE: Headers = [*SHORT_HEADERS, (b"sec-fetch-site", b"cross-site"), (b"sec-fetch-dest", b"document")]
_ORDINARY = "ordinary page"


def measure(effort: Effort) -> Section:
    """Measures what the package adds to each."""
    return Section(
        costs={
            "ASGI, responses that need more work": _asgi(effort),
            "WSGI, responses that need more work": _wsgi(effort),
        }
    )


async def _resolve_async(scope: object) -> User | None:
    return ADA


def _asgi(effort: Effort) -> Mapping[str, Estimate]:
    ordinary, json = asgi_app(page()), asgi_app(page(), JSON)
    cases: dict[str, tuple[AsgiApp, Headers, object]] = {
        _ORDINARY: (ordinary, SHORT_HEADERS, signed_in),
        "request with If-None-Match": (ordinary, _CONDITIONAL, signed_in),
        "cross-site link": (ordinary, _CROSS_SITE, signed_in),
        "async resolver": (ordinary, SHORT_HEADERS, _resolve_async),
        "CSP with a nonce": (asgi_app(page(), HTML, [_CSP]), SHORT_HEADERS, signed_in),
        "no charset in Content-Type": (asgi_app(page(), b"text/html"), SHORT_HEADERS, signed_in),
        "compressed by the app": (asgi_app(gzip.compress(page()), HTML, [_GZIP]), SHORT_HEADERS, signed_in),
        "not HTML": (json, SHORT_HEADERS, signed_in),
        "not HTML, request with If-None-Match": (json, _CONDITIONAL, signed_in),
    }
    with event_loop() as loop:
        batches = {}
        for name, (app, headers, user) in cases.items():
            batches[name] = loop.batch(asgi_widgetmw(app, user), headers)
            batches[f"{name}, bare"] = loop.batch(app, headers)
        rounds = run_interleaved(batches, effort)
    return {name: rounds.cost(name, f"{name}, bare") for name in cases}


def _wsgi(effort: Effort) -> Mapping[str, Estimate]:
    ordinary = wsgi_app(page())
    cases = {
        _ORDINARY: (ordinary, SHORT_HEADERS),
        "request with If-None-Match": (ordinary, _CONDITIONAL),
        "cross-site link": (ordinary, _CROSS_SITE),
        "CSP with a nonce": (wsgi_app(page(), HTML, [_CSP]), SHORT_HEADERS),
    }
    batches = {}
    for name, (app, headers) in cases.items():
        batches[name] = wsgi_batch(wsgi_widgetmw(app), headers)
        batches[f"{name}, bare"] = wsgi_batch(app, headers)
    rounds = run_interleaved(batches, effort)
    return {name: rounds.cost(name, f"{name}, bare") for name in cases}
