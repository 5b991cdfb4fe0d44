"""Shows what widgetmw adds to a page: the same page rendered without and with it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder, run_wsgi_app
from werkzeug.wrappers import Request, Response

from widgetmw.demo.site import NONCE, Site, new_nonce

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_CONTEXT = 900  # bytes of the page that are shown on either side of what was added
# Server and Date differ by the moment; Set-Cookie could carry a session.
_HIDDEN = {"date", "server", "set-cookie"}


@dataclass(frozen=True, slots=True)
class Difference:
    """A page without and with the middleware. ``offset`` is where ``added`` begins, in bytes."""

    offset: int
    before: bytes
    added: bytes
    after: bytes
    one_span: bool


def difference(plain: bytes, served: bytes) -> Difference:
    """Returns what ``served`` has more than ``plain``, which must be one span if the promise is kept."""
    start = _common(plain, served)
    added = max(len(served) - len(plain), 0)
    # Where the page goes on as the addition begins ("<script" twice), the common part ends too late.
    while start and served[start : start + 1] != b"<" and served[start - 1] == served[start - 1 + added]:
        start -= 1
    one_span = served[:start] + served[start + added :] == plain
    return Difference(start, plain[:start], served[start : start + added], plain[start:], one_span)


class Inspector:
    """A WSGI app: ``GET /<page>`` answers with that page's difference, for the caller's own session."""

    def __init__(self, site: Site, front: WSGIApplication) -> None:
        self._site = site
        self._front = front

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._answer(Request(environ))(environ, start_response)

    def _answer(self, request: Request) -> Response:
        if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            return Response("Only for this site's own pages.", 403, {"Cache-Control": "no-store"})
        if not self._site.has_page(request.path):
            return Response("No such page.", 404, {"Cache-Control": "no-store"})
        nonce = new_nonce()
        plain = self._get(self._site, request, nonce)
        served = self._get(self._front, request, nonce)
        body = json.dumps(_report(plain, served))
        return Response(body, headers={"Cache-Control": "no-store"}, content_type="application/json")

    @staticmethod
    def _get(app: WSGIApplication, request: Request, nonce: str) -> tuple[bytes, Headers]:
        # One nonce for both, or the two pages would differ by it.
        headers = Headers({"Cookie": request.headers.get("Cookie", ""), "Accept": "text/html"})
        environ = EnvironBuilder(path=request.path, base_url=request.root_url, headers=headers).get_environ()
        environ["SCRIPT_NAME"] = ""
        environ[NONCE] = nonce
        body, _status, answer = run_wsgi_app(app, environ, buffered=True)
        return b"".join(body), answer


def _common(one: bytes, other: bytes) -> int:
    for index, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return index
    return min(len(one), len(other))


def _report(plain: tuple[bytes, Headers], served: tuple[bytes, Headers]) -> dict[str, object]:
    found = difference(plain[0], served[0])
    return {
        "offset": found.offset,
        "bytes": len(plain[0]),
        "added": found.added.decode("utf-8", "replace"),
        "before": found.before[-_CONTEXT:].decode("utf-8", "replace"),
        "after": found.after[:_CONTEXT].decode("utf-8", "replace"),
        "one_span": found.one_span,
        "headers": _changes(plain[1], served[1]),
    }


def _changes(plain: Headers, served: Headers) -> list[dict[str, str | None]]:
    names = {name.lower() for name, _ in [*plain, *served]} - _HIDDEN
    pairs = [(name.title(), plain.get(name), served.get(name)) for name in sorted(names)]
    return [{"name": name, "before": old, "after": new} for name, old, new in pairs if old != new]
