"""The sample site itself: an ordinary WSGI app that knows nothing about chat tokens."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from werkzeug.exceptions import Forbidden, HTTPException, NotFound
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from widgetmw import User
from widgetmw.core.http.mark import mark_name
from widgetmw.demo import assets, pages
from widgetmw.demo.catalogue import VENDORS
from widgetmw.demo.keys import Keys
from widgetmw.demo.people import PEOPLE, Person
from widgetmw.demo.responses import RawResponse
from widgetmw.demo.samples import sample
from widgetmw.demo.sessions import COOKIE, Sessions
from widgetmw.demo.vendors import Vendors

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

#: Default token lifetime in seconds, short enough to watch renewals.
TTL = 20
#: Environ key under which a caller may set the page's CSP nonce.
NONCE = "widgetmw.demo.nonce"
#: Environ key under which a caller may set the response that ``/sample`` gives.
RESPONSE = "widgetmw.demo.response"
_MAX_FORM_BYTES = 16_384

_VENDOR = f"<any({','.join(VENDORS)}):vendor>"
_URLS = Map(
    [
        Rule("/", endpoint="overview", methods=["GET"]),
        Rule(f"/{_VENDOR}", endpoint="vendor", methods=["GET"]),
        Rule("/decisions", endpoint="decisions", methods=["GET"]),
        Rule("/sample", endpoint="sample", methods=["GET"]),
        Rule("/sign-in", endpoint="sign_in", methods=["POST"]),
        Rule("/sign-out", endpoint="sign_out", methods=["POST"]),
        Rule("/static/<path:name>", endpoint="static", methods=["GET"]),
        Rule(f"/vendor/{_VENDOR}/verify", endpoint="verify", methods=["POST"]),
        Rule(f"/vendor/{_VENDOR}/chat", endpoint="chat", methods=["POST"]),
        Rule("/vendor/giosg/verify-url", endpoint="verify_url", methods=["POST"]),
        Rule("/vendor/giosg/room", endpoint="room", methods=["GET"]),
    ],
    strict_slashes=False,
)

# Strict: only scripts with the nonce, no inline styles, nothing from other origins.
_CSP = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors {ancestors}; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


def new_nonce() -> str:
    """Returns a new CSP nonce."""
    return secrets.token_urlsafe(16)


class Site:
    """Serves the demo's pages, its sign-in and the stand-in backends.

    Args:
        keys: the vendor accounts, for the backends.
        ttl: lifetime of the tokens in seconds, shown on the pages.
        clock: returns Unix time in seconds; used by the backends.
    """

    def __init__(self, keys: Keys, ttl: int, clock: Callable[[], float] = time.time) -> None:
        self._ttl = ttl
        self._sessions = Sessions()
        self._vendors = Vendors(keys, clock)
        self._assets = assets.load()

    def user(self, environ: WSGIEnvironment) -> User | None:
        """Returns the signed-in user. This is all the middleware needs from the site."""
        person = self._person(Request(environ))
        return person.user if person else None

    def has_page(self, path: str) -> bool:
        """Returns whether ``path`` is a page for visitors, not an asset or an API."""
        return path in ("/", "/decisions") or path.removeprefix("/") in VENDORS

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        request.max_content_length = _MAX_FORM_BYTES
        return self._respond(request)(environ, start_response)

    def _respond(self, request: Request) -> WSGIApplication:
        try:
            endpoint, values = _URLS.bind_to_environ(request.environ).match()
            if request.method == "POST":
                require_same_origin(request)
            response: WSGIApplication = getattr(self, f"_on_{endpoint}")(request, **values)
        except HTTPException as error:
            return self._error(request, error)
        return response

    def _on_overview(self, request: Request) -> Response:
        context = self._context(request)
        return _html(pages.overview(context), context.nonce)

    def _on_vendor(self, request: Request, vendor: str) -> Response:
        context = self._context(request)
        return _html(pages.vendor(context, VENDORS[vendor]), context.nonce)

    def _on_decisions(self, request: Request) -> Response:
        context = self._context(request)
        return _html(pages.decisions(context), context.nonce)

    def _on_sample(self, request: Request) -> RawResponse:
        given = request.environ.get(RESPONSE)
        if isinstance(given, RawResponse):
            return given
        try:
            return sample(request.args, request.environ.get(NONCE) or new_nonce())
        except KeyError as error:
            raise NotFound("There is no such option.") from error

    def _on_sign_in(self, request: Request) -> Response:
        person = PEOPLE.get(request.form.get("person", ""))
        if person is None:
            raise NotFound("Unknown user.")
        self._sessions.end(request.cookies.get(COOKIE))
        response = self._redirect_back(request)
        response.set_cookie(COOKIE, self._sessions.start(person.key), httponly=True, samesite="Lax")
        return response

    def _on_sign_out(self, request: Request) -> Response:
        self._sessions.end(request.cookies.get(COOKIE))
        response = self._redirect_back(request)
        response.delete_cookie(COOKIE, httponly=True, samesite="Lax")
        return response

    def _on_static(self, request: Request, name: str) -> Response:
        asset = self._assets.get(name)
        if asset is None:
            raise NotFound
        # each page loads about twenty of these
        headers = {"Cache-Control": "max-age=60", "X-Content-Type-Options": "nosniff"}
        response = Response(asset.data, headers=headers, content_type=asset.content_type)
        response.set_etag(asset.etag)
        return response.make_conditional(request)

    def _on_verify(self, request: Request, vendor: str) -> Response:
        return json_response(self._vendors.verify(vendor, request.form.get("token", ""), request.form).as_json())

    def _on_chat(self, request: Request, vendor: str) -> Response:
        text, verdict = self._vendors.reply(vendor, request.form.get("token", ""), request.form)
        return json_response({"reply": text, "verdict": verdict.as_json() if verdict else None})

    def _on_verify_url(self, request: Request) -> Response:
        return json_response(self._vendors.verify_url(request.form.get("url", "")).as_json())

    def _on_room(self, request: Request) -> Response:
        url = request.args.get("url", "")
        context = self._context(request)
        return _html(pages.room(context, url, self._vendors.verify_url(url)), context.nonce, ancestors="'self'")

    def _redirect_back(self, request: Request) -> Response:
        # Only to a page of this site; anything else would be an open redirect.
        path = request.form.get("next", "/")
        return Response(status=303, headers={"Location": path if self.has_page(path) else "/"})

    def _error(self, request: Request, error: HTTPException) -> Response:
        context = self._context(request)
        body = pages.error(context, error.name, error.description or "")
        response = _html(body, context.nonce, status=error.code or 500)
        allowed_methods = getattr(error, "valid_methods", None)
        if allowed_methods:
            response.allow.update(allowed_methods)
        return response

    def _context(self, request: Request) -> pages.PageContext:
        nonce = request.environ.get(NONCE) or new_nonce()
        person = self._person(request)
        just_signed_out = person is None and mark_name("/_widgetmw", request.host) in request.cookies
        return pages.PageContext(request.path.rstrip("/") or "/", nonce, person, self._ttl, just_signed_out)

    def _person(self, request: Request) -> Person | None:
        return PEOPLE.get(self._sessions.person(request.cookies.get(COOKIE)) or "")


def require_same_origin(request: Request) -> None:
    """Rejects a form sent by another site. The session cookie is SameSite=Lax as well.

    Browsers send one of the two headers with every POST; a caller that sends neither is not a browser.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is None:
        own_origin = request.root_url.rstrip("/")
        site = "same-origin" if request.headers.get("Origin", own_origin) == own_origin else "cross-site"
    if site not in ("same-origin", "none"):
        raise Forbidden("This form was sent by another site.")


def _html(body: str, nonce: str, *, status: int = 200, ancestors: str = "'none'") -> Response:
    headers = {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": _CSP.format(nonce=nonce, ancestors=ancestors),
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(body, status, headers, content_type="text/html; charset=utf-8")


def json_response(value: dict[str, object], status: int = 200) -> Response:
    """Returns ``value`` for a script of this site."""
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(json.dumps(value), status, headers, content_type="application/json")
