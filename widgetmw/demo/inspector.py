"""Shows what widgetmw adds to a page by requesting the page without and with the middleware."""

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

_CONTEXT = 900  # bytes of the page shown before and after the addition
# Date and Server are not the middleware's doing. Set-Cookie could contain a session.
_HIDDEN_HEADERS = {"date", "server", "set-cookie"}


@dataclass(frozen=True, slots=True)
class Difference:
    """What the middleware added to a page.

    ``added`` was inserted at byte ``offset``, between ``before`` and ``after``. ``one_span`` is false if the
    page was changed in any other place too.
    """

    offset: int
    before: bytes
    added: bytes
    after: bytes
    one_span: bool


def difference(plain: bytes, served: bytes) -> Difference:
    """Returns what was added to ``plain`` to make ``served``."""
    start = _common_prefix_length(plain, served)
    added = max(len(served) - len(plain), 0)
    # If the addition and the rest of the page begin alike ("<script"), the common prefix is too long. Step back to
    # the start of the tag.
    while start and served[start : start + 1] != b"<" and served[start - 1] == served[start - 1 + added]:
        start -= 1
    one_span = served[:start] + served[start + added :] == plain
    return Difference(start, plain[:start], served[start : start + added], plain[start:], one_span)


class Inspector:
    """A WSGI app: ``GET /<page>`` returns that page's difference as JSON, for the caller's own session."""

    def __init__(self, site: Site, wrapped_site: WSGIApplication) -> None:
        self._site = site
        self._wrapped_site = wrapped_site

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._respond(Request(environ))(environ, start_response)

    def _respond(self, request: Request) -> Response:
        if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            return Response("Only available to this site's own pages.", 403, {"Cache-Control": "no-store"})
        if not self._site.has_page(request.path):
            return Response("No such page.", 404, {"Cache-Control": "no-store"})
        nonce = new_nonce()
        plain = self._get(self._site, request, nonce)
        served = self._get(self._wrapped_site, request, nonce)
        body = json.dumps(_as_json(plain, served))
        return Response(body, headers={"Cache-Control": "no-store"}, content_type="application/json")

    @staticmethod
    def _get(app: WSGIApplication, request: Request, nonce: str) -> tuple[bytes, Headers]:
        # Both requests use the same nonce; otherwise the pages would differ in it.
        headers = Headers({"Cookie": request.headers.get("Cookie", ""), "Accept": "text/html"})
        environ = EnvironBuilder(path=request.path, base_url=request.root_url, headers=headers).get_environ()
        environ["SCRIPT_NAME"] = ""
        environ[NONCE] = nonce
        body, _status, response_headers = run_wsgi_app(app, environ, buffered=True)
        return b"".join(body), response_headers


def _common_prefix_length(one: bytes, other: bytes) -> int:
    for index, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return index
    return min(len(one), len(other))


def _as_json(plain: tuple[bytes, Headers], served: tuple[bytes, Headers]) -> dict[str, object]:
    diff = difference(plain[0], served[0])
    return {
        "offset": diff.offset,
        "bytes": len(plain[0]),
        "added": diff.added.decode("utf-8", "replace"),
        "before": diff.before[-_CONTEXT:].decode("utf-8", "replace"),
        "after": diff.after[:_CONTEXT].decode("utf-8", "replace"),
        "one_span": diff.one_span,
        "headers": _changed_headers(plain[1], served[1]),
    }


def _changed_headers(plain: Headers, served: Headers) -> list[dict[str, str | None]]:
    names = {name.lower() for name, _ in [*plain, *served]} - _HIDDEN_HEADERS
    pairs = [(name.title(), plain.get(name), served.get(name)) for name in sorted(names)]
    return [{"name": name, "before": old, "after": new} for name, old, new in pairs if old != new]
