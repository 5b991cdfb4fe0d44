"""What takes a closer look: requests and pages that the first one leaves to the rest of the package."""

from __future__ import annotations

import gzip
from collections.abc import Mapping

from benchmarks.effort import Effort
from benchmarks.finding import Section
from benchmarks.rounds import Estimate, interleaved
from benchmarks.subject import ADA, asgi_ours, signed_in, wsgi_ours
from benchmarks.traffic import (
    HTML,
    JSON,
    SHORT,
    AsgiApp,
    Headers,
    asgi_answering,
    looping,
    page,
    wsgi_answering,
    wsgi_batch,
)
from widgetmw import User

_POLICY = (b"content-security-policy", b"default-src 'self'; script-src 'self' 'nonce-c2FtZSBlYWNoIHRpbWU'; img-src *")
_CODED = (b"content-encoding", b"gzip")
_VALIDATOR: Headers = [*SHORT, (b"if-none-match", b'"1"')]
_LINKED: Headers = [*SHORT, (b"sec-fetch-site", b"cross-site"), (b"sec-fetch-dest", b"document")]
_USUAL = "the usual page"


def measure(effort: Effort) -> Section:
    """Measures what the package adds to each."""
    return Section(
        costs={"ASGI, what takes a closer look": _asgi(effort), "WSGI, what takes a closer look": _wsgi(effort)}
    )


async def _later(scope: object) -> User | None:
    return ADA


def _asgi(effort: Effort) -> Mapping[str, Estimate]:
    usual, json = asgi_answering(page()), asgi_answering(page(), JSON)
    cases: dict[str, tuple[AsgiApp, Headers, object]] = {
        _USUAL: (usual, SHORT, signed_in),
        "a request with If-None-Match": (usual, _VALIDATOR, signed_in),
        "a link from another site": (usual, _LINKED, signed_in),
        "a resolver that is async": (usual, SHORT, _later),
        "a policy with a nonce": (asgi_answering(page(), HTML, [_POLICY]), SHORT, signed_in),
        "no charset in the Content-Type": (asgi_answering(page(), b"text/html"), SHORT, signed_in),
        "compressed by the app": (asgi_answering(gzip.compress(page()), HTML, [_CODED]), SHORT, signed_in),
        "not a page": (json, SHORT, signed_in),
        "not a page, a request with If-None-Match": (json, _VALIDATOR, signed_in),
    }
    with looping() as loop:
        batches = {}
        for name, (app, headers, user) in cases.items():
            batches[name] = loop.batch(asgi_ours(app, user), headers)
            batches[f"{name}, bare"] = loop.batch(app, headers)
        rounds = interleaved(batches, effort)
    return {name: rounds.cost(name, f"{name}, bare") for name in cases}


def _wsgi(effort: Effort) -> Mapping[str, Estimate]:
    usual = wsgi_answering(page())
    cases = {
        _USUAL: (usual, SHORT),
        "a request with If-None-Match": (usual, _VALIDATOR),
        "a link from another site": (usual, _LINKED),
        "a policy with a nonce": (wsgi_answering(page(), HTML, [_POLICY]), SHORT),
    }
    batches = {}
    for name, (app, headers) in cases.items():
        batches[name] = wsgi_batch(wsgi_ours(app), headers)
        batches[f"{name}, bare"] = wsgi_batch(app, headers)
    rounds = interleaved(batches, effort)
    return {name: rounds.cost(name, f"{name}, bare") for name in cases}
