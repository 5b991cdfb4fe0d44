"""A fake site with widgetmw: pages in every script form, and a token endpoint.

The site has its own clock, so that time passes for the browser and the server alike. A test can replace the
endpoint's responses: see :attr:`Site.endpoint_override`.
"""

from __future__ import annotations

import base64
import itertools
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import urlsplit

from werkzeug.http import parse_cookie

from widgetmw.browser import assets
from widgetmw.core.http.csp import hash_source
from widgetmw.core.script_tags import inline_scripts, script_elements

VENDORS = ("digitalgenius", "hissuno", "orlo", "giosg")
PUBLIC: dict[str, dict[str, str]] = {
    "digitalgenius": {"widgetId": "w-1", "env": "eu"},
    "hissuno": {"projectId": "p-1", "apiUrl": "https://hissuno.invalid/chat"},
    "orlo": {"widgetId": "o-1"},
    "giosg": {"organization": "org-1", "room": "room-1"},
    "zendesk": {"key": "key-1"},
    "intercom": {"app_id": "app-1", "api_base": "https://api-iam.eu.intercom.io"},
    "chatwoot": {"baseUrl": "https://chat.example", "websiteToken": "token-1"},
    "crisp": {"websiteId": "site-1"},
    "helpscout": {"beaconId": "beacon-1"},
    "front": {"chatId": "chat-1"},
    "tawk": {"propertyId": "property-1", "widgetId": "widget-1"},
}
#: The vendors whose tokens are in no page.
ON_REQUEST = frozenset({"zendesk"})
#: The operator's snippets for Orlo, by name, as functions.
SNIPPETS = {
    "data": "function(JWT_TOKEN,WIDGET_ID){(window.orloData ||= []).push([JWT_TOKEN,WIDGET_ID]);}",
    "embed": "function(JWT_TOKEN,WIDGET_ID){(window.orloEmbeds ||= []).push([JWT_TOKEN,WIDGET_ID]);}",
}
ENDPOINT = "/_widgetmw/token"
#: Name of the cookie and prefix of the storage entries.
KEY = "widgetmw_5eed"
#: Name of the channel between tabs.
CHANNEL = f"{KEY}:4"
#: Strict policies for pages: the form of our script, its nonce, and the header.
POLICIES: dict[str, tuple[Form, str | None, str]] = {
    "nonce": ("inline", "abc", "default-src 'none'; script-src 'nonce-abc'; connect-src 'self'"),
    "self": ("external", None, "default-src 'self'"),
}

Form = Literal["inline", "bundled", "external", "hashed"]
Delivery = Literal["inline", "fetch"]


@dataclass
class Response:
    """A response of the site."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TokenRequest:
    """A request to the token endpoint."""

    at: float
    headers: Message


def jwt_segment(value: Any) -> str:
    """Encodes a segment of a JWT."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@dataclass
class Vendor:
    """The scripts of one of the site's vendors."""

    site: Site
    name: str

    def snippets(self) -> dict[str, str]:
        return self.site.snippets.get(self.name, {})

    def script_source(self) -> str:
        return self.site.vendor_scripts[self.name]


_numbers = itertools.count(1)


class Site:
    """A site on a loopback port. The cookie ``session`` names the signed-in user.

    Unless one is given, its host is its own, so that it shares neither cookies nor storage with another site. Browsers
    resolve names under ``localhost`` themselves, and all of these belong to one registrable domain.
    """

    def __init__(self, host: str = "") -> None:
        self.host = host or f"site-{next(_numbers)}.test.localhost"
        #: In seconds; infinite if tokens do not expire.
        self.token_lifetime = 3600.0
        self.vendors: tuple[str, ...] = VENDORS
        #: The operator's snippets and the scripts of third-party vendors, by vendor.
        self.snippets: dict[str, dict[str, str]] = {"orlo": SNIPPETS}
        self.vendor_scripts: dict[str, str] = {}
        self.script_errors: list[str] = []
        #: The vendors whose token pages do not carry, with the code. The endpoint has it only for ``on_request``.
        self.missing: dict[str, str] = {}
        #: Further fields of a user's tokens, by vendor.
        self.token_fields: dict[str, Callable[[str], dict[str, str]]] = {}
        self.embed: tuple[str, ...] = ()
        self.form: Form = "inline"
        self.delivery: Delivery = "inline"
        self.headers: dict[str, str] = {}
        self.nonce: str | None = None
        self.head = ""
        self.body = "<h1>page</h1>"
        #: Replaces entries of the data in a page.
        self.data_overrides: dict[str, Any] = {}
        #: By how many seconds the server's clock is ahead of the browser's.
        self.skew = 0.0
        #: By how many seconds a test has moved the clock forward.
        self.clock_offset = 0.0
        self.token_requests: list[TokenRequest] = []
        #: Paths of the pages that were requested.
        self.page_requests: list[str] = []
        self.pages: dict[str, Callable[[str | None], Response]] = {}
        #: Returns the endpoint's response, or ``None`` for the usual one.
        self.endpoint_override: Callable[[str | None], Response | None] = lambda user: None
        #: Of the endpoint's responses.
        self.cors_headers: dict[str, str] = {}
        self._time: Callable[[], float] = time.time
        self._minted: dict[str, tuple[int, int, int]] = {}
        self._count = 0
        self._lock = threading.Lock()
        self._server = _server(self)
        self.url = f"http://{self.host}:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def use_policy(self, name: str, more: str = "") -> None:
        """Gives pages one of the policies, with further directives."""
        self.form, self.nonce, text = POLICIES[name]
        self.headers = {"Content-Security-Policy": text + more}

    def serve_script(self, path: str, code: str) -> str:
        """Serves a script as one of the site's own; returns the element that loads it."""
        self.pages[path] = lambda user: Response(200, code.encode(), {"Content-Type": "text/javascript"})
        return f'<script src="{path}"></script>'

    def now(self) -> float:
        """Returns the server's time in Unix seconds."""
        return self._time() + self.skew + self.clock_offset

    def stop_clock(self) -> float:
        """Lets no time pass but by ``clock_offset``. Returns the time in Unix seconds."""
        stopped_at = self._time()
        self._time = lambda: stopped_at
        return stopped_at

    # --- tokens ---------------------------------------------------------------------------------------------------

    def tokens(self, user: str, relative: bool) -> dict[str, Any]:
        """Returns a user's tokens; new ones once only a fifth of their lifetime is left."""
        with self._lock:
            now = self.now()
            if user not in self._minted or now >= self._minted[user][2]:
                self._count += 1
                lifetime = 0 if self.token_lifetime == float("inf") else self.token_lifetime
                expires = int(now + lifetime)
                self._minted[user] = (self._count, expires, int(expires - max(1, lifetime / 5)))
            number, expires, refresh = self._minted[user]
        made = {name: self._token(name, user, number, expires, refresh) for name in self.vendors}
        if self.token_lifetime == float("inf"):
            never = dict.fromkeys(("expires_at", "refresh_at", *(("expires_in", "refresh_in") if relative else ())))
            return {name: token | never for name, token in made.items()}
        if relative:
            for token in made.values():
                token |= {"expires_in": max(0, int(expires - now)), "refresh_in": max(0, int(refresh - now))}
        return made

    def clear_token_cache(self) -> None:
        """Makes the server mint new tokens at the next request."""
        self._minted.clear()

    def _token(self, vendor: str, user: str, number: int, expires: int, refresh: int) -> dict[str, Any]:
        claims = {"userId": user, "userMetadata": {"name": f"{user} ☃"}, "vendor": vendor, "n": number}
        if vendor == "intercom":
            claims = {"user_id": user, "email": f"{user}@shop.example", "name": f"{user} ☃", "n": number}
        if vendor == "zendesk":
            claims = {"scope": "user", "external_id": user, "exp": expires, "n": number}
        token = f"{jwt_segment({'alg': 'HS256'})}.{jwt_segment(claims)}.c2ln"
        made = {"provider": vendor, "token": token, "expires_at": expires, "refresh_at": refresh}
        if vendor == "giosg":
            made["url"] = f"{self.url}/chat?exp={expires}&user={user}&n={number}&sig=5f"
        if vendor == "hmac":
            made["message"] = user
        return made | self.token_fields.get(vendor, lambda user: {})(user)

    def _missing(self) -> dict[str, str]:
        """Returns the vendors without a token in pages, with the code."""
        return {name: "on_request" for name in self.vendors if name in ON_REQUEST} | self.missing

    # --- pages ----------------------------------------------------------------------------------------------------

    def page_data(self, user: str | None, has_cookie: bool = False) -> dict[str, Any] | None:
        """Returns the data that the server writes into a page; ``None`` if it does not modify the page."""
        vendors: dict[str, Any] = {name: {"config": PUBLIC.get(name, {})} for name in self.vendors}
        data: dict[str, Any] = {"url": ENDPOINT, "key": KEY} | ({"embed": self.embed} if self.embed else {})
        if self.delivery == "fetch":
            return data | {"ask": True, "vendors": vendors} | self.data_overrides
        if user is None:
            if not has_cookie and not self.embed:
                return None
            chosen = vendors if has_cookie else {name: vendors[name] for name in self.embed}
            check = {"user": None, "ask": True} if has_cookie else {}
            return data | check | {"vendors": chosen} | self.data_overrides
        for name, token in self.tokens(user, relative=False).items():
            if name not in self._missing():
                vendors[name]["token"] = token
        data |= {"errors": self._missing()} if self._missing() else {}
        return data | {"now": round(self.now(), 1), "user": f"hash-of-{user}", "vendors": vendors} | self.data_overrides

    def script_tags(self, user: str | None, has_cookie: bool = False) -> str:
        """Returns the script tags that the server inserts into a page, in the current form."""
        data = self.page_data(user, has_cookie)
        if data is None:
            return ""
        text = json.dumps(data).replace("<", "\\u003c")
        before, after = script_elements(self.scripts(), self.form, "/_widgetmw", data["vendors"])
        nonce = f' nonce="{self.nonce}"' if self.nonce else ""
        return (before + text.encode() + after).replace(b"\x00", nonce.encode()).decode()

    def scripts(self) -> assets.Scripts:
        """Returns the scripts of this site, built as for an app."""
        vendors = [Vendor(self, name) for name in self.vendors]
        return assets.scripts(vendors, lambda vendor, error: self.script_errors.append(f"{vendor}: {error}"))

    def embed_script(self) -> bytes:
        """Returns ``embed.js``, as for an app."""
        data = {
            "ask": True,
            "embed": self.embed,
            "vendors": {name: {"config": PUBLIC.get(name, {})} for name in self.vendors},
        }
        return assets.embed_script(self.scripts(), json.dumps(data)).content

    def page(self, user: str | None, has_cookie: bool = False) -> Response:
        """Returns a page of the site."""
        tags = self.script_tags(user, has_cookie)
        html = f"<!doctype html><html><head>{tags}{self.head}</head><body>{self.body}</body></html>"
        headers = {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "private, no-cache"}
        if self.form == "hashed":
            hashes = [hash_source(text) for text in inline_scripts(tags.encode())]
            headers["Content-Security-Policy"] = f"script-src-elem 'nonce-page' {' '.join(hashes)}"
        return Response(200, html.encode(), headers | self.headers)

    def endpoint(self, user: str | None) -> Response:
        override = self.endpoint_override(user)
        if override is not None:
            return override
        if user is None:
            return json_response(401, {"error": "not_authenticated", "message": "No user is signed in."})
        errors = {name: code for name, code in self._missing().items() if code != "on_request"}
        tokens = {name: token for name, token in self.tokens(user, relative=True).items() if name not in errors}
        body = {"user": f"hash-of-{user}", "now": self.now(), "tokens": tokens}
        return json_response(200, body | ({"errors": errors} if errors else {}))

    def serve(self, path: str, headers: Message) -> Response:
        cookies = parse_cookie(headers.get("Cookie"))
        user = cookies.get("session")
        if path == ENDPOINT:
            self.token_requests.append(TokenRequest(self.now(), headers))
            response = self.endpoint(user)
            response.headers |= self.cors_headers
            return response
        if path == "/_widgetmw/embed.js":
            return Response(200, self.embed_script(), {"Content-Type": "text/javascript"})
        if file := self.scripts().files().get(path.removeprefix("/_widgetmw")):
            return Response(200, file.content, {"Content-Type": "text/javascript", "Cache-Control": "max-age=600"})
        if path in self.pages:
            return self.pages[path](user)
        if path == "/chat":
            return Response(200, b"chat", {"Content-Type": "text/html"})
        if path == "/favicon.ico":
            return Response(204)
        self.page_requests.append(path)
        return self.page(user, has_cookie=self.data_overrides.get("key", KEY) in cookies)


def json_response(status: int, body: Any, **headers: str) -> Response:
    """Returns a JSON response of the endpoint."""
    return Response(
        status, json.dumps(body).encode(), {"Content-Type": "application/json", "Cache-Control": "no-store"} | headers
    )


def _server(site: Site) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.do_GET()

        def do_OPTIONS(self) -> None:
            """Answers a CORS preflight."""
            self.send_response(204)
            for name, value in site.cors_headers.items():
                self.send_header(name, value)
            self.end_headers()

        def do_GET(self) -> None:
            reply = site.serve(urlsplit(self.path).path, self.headers)
            try:
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)
            except ConnectionError:
                self.close_connection = True

        def log_message(self, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass

    return Server(("127.0.0.1", 0), Handler)
