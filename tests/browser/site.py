"""A stand-in for a site with widgetmw: pages in the three forms that the server knows, and a token endpoint.

It has its own clock, so that a simulated week passes for browser and server alike, and it does as it is told:
see :attr:`Site.script`.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import urlsplit

from widgetmw.browser import assets
from widgetmw.core.http.csp import hash_source
from widgetmw.core.snippet import inline_scripts, script_elements

VENDORS = ("digitalgenius", "hissuno", "orlo", "giosg")
PUBLIC: dict[str, dict[str, str]] = {
    "digitalgenius": {"widgetId": "w-1", "env": "eu"},
    "hissuno": {"projectId": "p-1", "apiUrl": "https://hissuno.invalid/chat"},
    "orlo": {"widgetId": "o-1"},
    "giosg": {"organization": "org-1", "room": "room-1"},
}
#: The operator's functions for Orlo, by name.
SNIPPETS = {
    "data": "function(JWT_TOKEN,WIDGET_ID){(window.orloData ||= []).push([JWT_TOKEN,WIDGET_ID]);}",
    "embed": "function(JWT_TOKEN,WIDGET_ID){(window.orloEmbeds ||= []).push([JWT_TOKEN,WIDGET_ID]);}",
}
ENDPOINT = "/_widgetmw/token"

Form = Literal["inline", "bundled", "external", "hashed"]


@dataclass
class Reply:
    """An answer as it goes over the wire."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """A request to the token endpoint."""

    at: float
    headers: Message


def segment(value: Any) -> str:
    """Writes a part of a JWT."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@dataclass
class Vendor:
    """A vendor of a site, as far as its scripts go."""

    site: Site
    name: str

    def snippets(self) -> dict[str, str]:
        return self.site.snippets.get(self.name, {})

    def script_source(self) -> str:
        return self.site.modules[self.name]


class Site:
    """One site on a loopback port; a browser says by the cookie ``session`` who it is."""

    def __init__(self) -> None:
        self.life = 3600.0
        self.vendors: tuple[str, ...] = VENDORS
        #: The operator's functions and the scripts of vendors from outside, by vendor.
        self.snippets: dict[str, dict[str, str]] = {"orlo": SNIPPETS}
        self.modules: dict[str, str] = {}
        self.script_errors: list[str] = []
        self.embed: tuple[str, ...] = ()
        self.form: Form = "inline"
        self.delivery: Literal["inline", "fetch"] = "inline"
        self.headers: dict[str, str] = {}
        self.nonce: str | None = None
        self.head = ""
        self.body = "<h1>page</h1>"
        self.facts: dict[str, Any] = {}
        self.skew = 0.0
        self.shift = 0.0
        self.asked: list[Asked] = []
        #: Paths of the pages that were asked for.
        self.opened: list[str] = []
        self.pages: dict[str, Callable[[str | None], Reply]] = {}
        #: What the endpoint does instead of serving tokens; ``None`` from it means to serve them after all.
        self.script: Callable[[str | None], Reply | None] = lambda user: None
        self._minted: dict[str, tuple[int, int, int]] = {}
        self._count = 0
        self._lock = threading.Lock()
        self._server = _server(self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def now(self) -> float:
        """The server's clock: Unix seconds, ahead of the browser's by ``skew``."""
        return time.time() + self.skew + self.shift

    # --- tokens ---------------------------------------------------------------------------------------------------

    def tokens(self, user: str, relative: bool) -> dict[str, Any]:
        """The tokens of a user, made anew from a fifth of their life before their end on."""
        with self._lock:
            now = self.now()
            if user not in self._minted or now >= self._minted[user][2]:
                self._count += 1
                expires = int(now + self.life)
                self._minted[user] = (self._count, expires, int(expires - max(1, self.life / 5)))
            number, expires, refresh = self._minted[user]
        made = {name: self._token(name, user, number, expires, refresh) for name in self.vendors}
        if relative:
            for token in made.values():
                token |= {"expires_in": max(0, int(expires - now)), "refresh_in": max(0, int(refresh - now))}
        return made

    def forget(self) -> None:
        """The server lost its cache: the next tokens are new ones."""
        self._minted.clear()

    def _token(self, vendor: str, user: str, number: int, expires: int, refresh: int) -> dict[str, Any]:
        claims = {"userId": user, "userMetadata": {"name": f"{user} ☃"}, "vendor": vendor, "n": number}
        token = f"{segment({'alg': 'HS256'})}.{segment(claims)}.c2ln"
        made = {"provider": vendor, "token": token, "expires_at": expires, "refresh_at": refresh}
        if vendor == "giosg":
            made["url"] = f"{self.url}/chat?exp={expires}&user={user}&n={number}&sig=5f"
        return made

    # --- pages ----------------------------------------------------------------------------------------------------

    def data(self, user: str | None, marked: bool = False) -> dict[str, Any] | None:
        """What the server tells a page's browser; ``None`` where it leaves the page alone."""
        vendors: dict[str, Any] = {name: {"config": PUBLIC.get(name, {})} for name in self.vendors}
        data: dict[str, Any] = {"url": ENDPOINT} | ({"embed": self.embed} if self.embed else {})
        if self.delivery == "fetch":
            return data | {"ask": True, "vendors": vendors} | self.facts
        if user is None:
            if not marked and not self.embed:
                return None
            chosen = vendors if marked else {name: vendors[name] for name in self.embed}
            return data | ({"user": None} if marked else {}) | {"vendors": chosen} | self.facts
        for name, token in self.tokens(user, relative=False).items():
            vendors[name]["token"] = token
        return data | {"now": round(self.now(), 1), "user": f"mark-of-{user}", "vendors": vendors} | self.facts

    def span(self, user: str | None, marked: bool = False) -> str:
        """The bytes that go into a page, in the form of the moment."""
        data = self.data(user, marked)
        if data is None:
            return ""
        text = json.dumps(data).replace("<", "\\u003c")
        before, after = script_elements(self.scripts(), self.form, "/_widgetmw", data["vendors"])
        nonce = f' nonce="{self.nonce}"' if self.nonce else ""
        return (before + text.encode() + after).replace(b"\x00", nonce.encode()).decode()

    def scripts(self) -> assets.Scripts:
        """The scripts of this site, as an app has them."""
        vendors = [Vendor(self, name) for name in self.vendors]
        return assets.scripts(vendors, lambda vendor, error: self.script_errors.append(f"{vendor}: {error}"))

    def page(self, user: str | None, marked: bool = False) -> Reply:
        """A page of the site."""
        span = self.span(user, marked)
        html = f"<!doctype html><html><head>{span}{self.head}</head><body>{self.body}</body></html>"
        headers = {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "private, no-cache"}
        if self.form == "hashed":
            hashes = [hash_source(text) for text in inline_scripts(span.encode())]
            headers["Content-Security-Policy"] = f"script-src-elem 'nonce-page' {' '.join(hashes)}"
        return Reply(200, html.encode(), headers | self.headers)

    def endpoint(self, user: str | None) -> Reply:
        scripted = self.script(user)
        if scripted is not None:
            return scripted
        if user is None:
            return answer(401, {"error": "not_authenticated", "message": "Nobody is signed in."})
        return answer(200, {"user": f"mark-of-{user}", "tokens": self.tokens(user, relative=True)})

    def serve(self, path: str, headers: Message) -> Reply:
        cookies = SimpleCookie(headers.get("Cookie", ""))
        user = cookies["session"].value if "session" in cookies else None
        if path == ENDPOINT:
            self.asked.append(Asked(self.now(), headers))
            return self.endpoint(user)
        if file := self.scripts().files().get(path.removeprefix("/_widgetmw")):
            return Reply(200, file.content, {"Content-Type": "text/javascript", "Cache-Control": "max-age=600"})
        if path in self.pages:
            return self.pages[path](user)
        if path == "/chat":
            return Reply(200, b"chat", {"Content-Type": "text/html"})
        if path == "/favicon.ico":
            return Reply(204)
        self.opened.append(path)
        return self.page(user, marked="widgetmw" in cookies)


def answer(status: int, body: Any, **headers: str) -> Reply:
    """A JSON answer of the endpoint."""
    return Reply(
        status, json.dumps(body).encode(), {"Content-Type": "application/json", "Cache-Control": "no-store"} | headers
    )


def _server(site: Site) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

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
