"""Shows what widgetmw does to a response, by making the same request without and with the middleware."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from werkzeug.datastructures import Headers
from werkzeug.exceptions import Forbidden, HTTPException, MethodNotAllowed, NotFound
from werkzeug.test import EnvironBuilder, run_wsgi_app
from werkzeug.wrappers import Request, Response

from widgetmw.core.reasons import SkipReason
from widgetmw.demo.comparison import Reply, comparison
from widgetmw.demo.pasted import PasteError, pasted
from widgetmw.demo.site import NONCE, RESPONSE, Site, json_response, new_nonce, require_same_origin
from widgetmw.wsgi import WidgetMiddleware

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_SAMPLE = "/sample"
_MAX_FORM_BYTES = 1_000_000  # a pasted character may take nine, as %XX%XX%XX
_NOTES = (SkipReason.CSP_BLOCKS_CONNECT,)  # also counted for pages that do carry the script


class Inspector:
    """A WSGI app that says, as JSON, what the middleware does to a response for the caller's own session.

    ``GET /<page>`` is about a page of the site, ``GET /sample?<options>`` about the sample response, and
    ``POST /pasted`` about the response that the form describes.
    """

    def __init__(self, site: Site, wrapped_site: WidgetMiddleware) -> None:
        self._site = site
        self._wrapped_site = wrapped_site
        self._lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        request.max_content_length = request.max_form_memory_size = _MAX_FORM_BYTES
        try:
            response = self._respond(request)
        except HTTPException as error:
            response = error.get_response(environ)
            response.headers["Cache-Control"] = "no-store"
        return response(environ, start_response)

    def _respond(self, request: Request) -> Response:
        if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            raise Forbidden("Only available to this site's own pages.")
        if request.path == "/pasted":
            return self._on_pasted(request)
        if request.path != _SAMPLE and not self._site.has_page(request.path):
            raise NotFound("No such page.")
        return self._compare(request, request.path, {})

    def _on_pasted(self, request: Request) -> Response:
        if request.method != "POST":
            raise MethodNotAllowed(["POST"])
        require_same_origin(request)
        try:
            response = pasted(request.form.get("headers", ""), request.form.get("page", ""))
        except PasteError as error:
            return json_response({"error": str(error)}, 400)
        return self._compare(request, _SAMPLE, {RESPONSE: response})

    def _compare(self, request: Request, path: str, keys: dict[str, object]) -> Response:
        # Both requests use the same nonce; otherwise the pages would differ in it.
        keys[NONCE] = new_nonce()
        plain = _get(self._site, request, path, keys)
        engine = self._wrapped_site.engine
        assert engine is not None
        with self._lock:
            counts = engine.events.counts
            served = _get(self._wrapped_site, request, path, keys)
            counts = engine.events.counts - counts
        return json_response(comparison(plain, served, [note for note in _NOTES if counts[f"note:{note.code}"]]))


def _get(app: WSGIApplication, request: Request, path: str, keys: Mapping[str, object]) -> Reply:
    headers = Headers({"Cookie": request.headers.get("Cookie", ""), "Accept": "text/html"})
    environ = EnvironBuilder(path, request.root_url, query_string=request.args, headers=headers).get_environ()
    environ["SCRIPT_NAME"] = ""
    environ.update(keys)
    chunks, status, response_headers = run_wsgi_app(app, environ, buffered=True)
    return Reply(status, response_headers, tuple(filter(None, chunks)))
