"""The sample site itself: an ordinary WSGI app that knows nothing of chat tokens."""

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
from widgetmw.demo import assets, pages
from widgetmw.demo.catalogue import VENDORS
from widgetmw.demo.keys import Keys
from widgetmw.demo.people import PEOPLE, Person
from widgetmw.demo.sessions import COOKIE, Sessions
from widgetmw.demo.vendors import Vendors

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

#: Lifetime of the demo's tokens in seconds: short, so that one sees them renewed.
TTL = 20
#: Where the environ may already hold the nonce of the page.
NONCE = "widgetmw.demo.nonce"
_LARGEST_FORM = 16_384
#: Set by the runtime in a browser that was signed in; its clean-up page removes it.
_RUNTIME_COOKIE = "widgetmw"

_VENDOR = "<any(digitalgenius,hissuno,orlo,giosg):vendor>"
_URLS = Map(
    [
        Rule("/", endpoint="overview", methods=["GET"]),
        Rule(f"/{_VENDOR}", endpoint="vendor", methods=["GET"]),
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

# Strict: nothing but scripts that carry the nonce, no inline styles, nothing from elsewhere.
_POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors {ancestors}; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


def new_nonce() -> str:
    """Returns a fresh nonce for one page."""
    return secrets.token_urlsafe(16)


class Site:
    """Pages, sign-in and the stand-in backends of the demo.

    Args:
        keys: the vendors' accounts, for the backends.
        ttl: lifetime of the tokens in seconds, for the texts.
        clock: Unix time in seconds, for the backends.
    """

    def __init__(self, keys: Keys, ttl: int, clock: Callable[[], float] = time.time) -> None:
        self._ttl = ttl
        self._sessions = Sessions()
        self._vendors = Vendors(keys, clock)
        self._assets = assets.load()

    def user(self, environ: WSGIEnvironment) -> User | None:
        """Whom a request belongs to; this is all that the middleware asks of the site."""
        person = self._person(Request(environ))
        return person.user if person else None

    def has_page(self, path: str) -> bool:
        """Whether ``path`` is one of the pages that visitors see."""
        return path == "/" or path.removeprefix("/") in VENDORS

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        request.max_content_length = _LARGEST_FORM
        return self._answer(request)(environ, start_response)

    def _answer(self, request: Request) -> Response:
        try:
            endpoint, values = _URLS.bind_to_environ(request.environ).match()
            if request.method == "POST":
                _same_origin(request)
            answer: Response = getattr(self, f"_on_{endpoint}")(request, **values)
        except HTTPException as error:
            return self._error(request, error)
        return answer

    def _on_overview(self, request: Request) -> Response:
        frame = self._frame(request)
        return _html(pages.overview(frame), frame.nonce)

    def _on_vendor(self, request: Request, vendor: str) -> Response:
        frame = self._frame(request)
        return _html(pages.vendor(frame, VENDORS[vendor]), frame.nonce)

    def _on_sign_in(self, request: Request) -> Response:
        person = PEOPLE.get(request.form.get("person", ""))
        if person is None:
            raise NotFound("There is no such person.")
        self._sessions.end(request.cookies.get(COOKIE))
        answer = self._back(request)
        answer.set_cookie(COOKIE, self._sessions.start(person.key), httponly=True, samesite="Lax")
        return answer

    def _on_sign_out(self, request: Request) -> Response:
        self._sessions.end(request.cookies.get(COOKIE))
        answer = self._back(request)
        answer.delete_cookie(COOKIE, httponly=True, samesite="Lax")
        return answer

    def _on_static(self, request: Request, name: str) -> Response:
        asset = self._assets.get(name)
        if asset is None:
            raise NotFound
        headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
        answer = Response(asset.data, headers=headers, content_type=asset.content_type)
        answer.set_etag(asset.etag)
        return answer.make_conditional(request)

    def _on_verify(self, request: Request, vendor: str) -> Response:
        return _json(self._vendors.verify(vendor, request.form.get("token", "")).as_json())

    def _on_chat(self, request: Request, vendor: str) -> Response:
        text, verdict = self._vendors.reply(vendor, request.form.get("token", ""))
        return _json({"reply": text, "verdict": verdict.as_json() if verdict else None})

    def _on_verify_url(self, request: Request) -> Response:
        return _json(self._vendors.verify_url(request.form.get("url", "")).as_json())

    def _on_room(self, request: Request) -> Response:
        url = request.args.get("url", "")
        frame = self._frame(request)
        return _html(pages.room(frame, url, self._vendors.verify_url(url)), frame.nonce, ancestors="'self'")

    def _back(self, request: Request) -> Response:
        # Only to a page of ours: a form field must not send anybody elsewhere.
        path = request.form.get("next", "/")
        return Response(status=303, headers={"Location": path if self.has_page(path) else "/"})

    def _error(self, request: Request, error: HTTPException) -> Response:
        frame = self._frame(request)
        body = pages.error(frame, error.name, error.description or "")
        answer = _html(body, frame.nonce, status=error.code or 500)
        allowed = getattr(error, "valid_methods", None)
        if allowed:
            answer.allow.update(allowed)
        return answer

    def _frame(self, request: Request) -> pages.Frame:
        nonce = request.environ.get(NONCE) or new_nonce()
        person = self._person(request)
        leaving = person is None and _RUNTIME_COOKIE in request.cookies
        return pages.Frame(request.path.rstrip("/") or "/", nonce, person, self._ttl, leaving)

    def _person(self, request: Request) -> Person | None:
        return PEOPLE.get(self._sessions.person(request.cookies.get(COOKIE)) or "")


def _same_origin(request: Request) -> None:
    """Refuses a form that another site sent. The session cookie is SameSite=Lax besides.

    Browsers send one of the two headers with every POST; a caller with neither is no browser.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is None:
        own = request.root_url.rstrip("/")
        site = "same-origin" if request.headers.get("Origin", own) == own else "cross-site"
    if site not in ("same-origin", "none"):
        raise Forbidden("This form was sent by another site.")


def _html(body: str, nonce: str, *, status: int = 200, ancestors: str = "'none'") -> Response:
    headers = {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": _POLICY.format(nonce=nonce, ancestors=ancestors),
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(body, status, headers, content_type="text/html; charset=utf-8")


def _json(value: dict[str, object]) -> Response:
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(json.dumps(value), headers=headers, content_type="application/json")
