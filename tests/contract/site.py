"""One canned app, served in process through either driver, so that the same cases run against both."""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

from widgetmw import Settings, User
from widgetmw.asgi import WidgetMiddleware as AsgiMiddleware
from widgetmw.core.http.mark import mark_name
from widgetmw.wsgi import WidgetMiddleware as WsgiMiddleware

HTML = ("Content-Type", "text/html; charset=utf-8")
BODY = b"<!doctype html><html><head><title>Shop</title></head><body><p>Hello</p></body></html>"
ADA = User("ada-1", "Ada")
HEAD_END = BODY.index(b"<title>")
MARK = f"{mark_name('/_widgetmw', '')}=1"
"""The cookie of a browser in which a user was signed in."""


@dataclass
class Page:
    """The response of the app."""

    body: bytes | Sequence[bytes] = BODY
    headers: Sequence[tuple[str, str]] = (HTML,)
    status: int = 200

    @property
    def chunks(self) -> list[bytes]:
        return [self.body] if isinstance(self.body, bytes) else list(self.body)

    @property
    def whole(self) -> bytes:
        return b"".join(self.chunks)


@dataclass
class Reply:
    """The response that the client received."""

    status: int
    headers: list[tuple[str, str]]
    chunks: list[bytes]

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name: str) -> str | None:
        values = self.all(name)
        assert len(values) < 2, (name, values)
        return values[0] if values else None

    @property
    def reason(self) -> str | None:
        """The skip reason in ``X-Widgetmw``, if any."""
        outcome = self.header("X-Widgetmw") or ""
        return outcome.partition("reason=")[2] or None

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Seen:
    """What the app and the resolver received."""

    requests: list[dict[str, str]] = field(default_factory=list)
    resolver_calls: int = 0


METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class Site(ABC):
    """The canned app behind the middleware of one driver."""

    driver = ""
    gateway = ""
    app_owns_urls = False  # Django's urls.py routes the endpoint, even when widgetmw is disabled
    resolves_user_before_body = False  # true if the request context is gone when the body is sent

    def __init__(self, environ: dict[str, str], user: Any = ADA, page: Page | None = None) -> None:
        self.page = page or Page()
        self.user = user
        self.seen = Seen()
        self.settings = Settings.from_env({"WIDGETMW_DEBUG": "true", **environ})
        self.on_request: Callable[[Any], None] = lambda request: None

    def resolve(self, request: Any) -> Any:
        self.seen.resolver_calls += 1
        if isinstance(self.user, BaseException):
            raise self.user
        return self.user(request) if callable(self.user) else self.user

    @abstractmethod
    def request(self, path: str = "/", method: str = "GET", root_path: str = "", **headers: str) -> Reply:
        """Sends a request through the middleware."""

    def get(self, path: str = "/", root_path: str = "", **headers: str) -> Reply:
        return self.request(path, "GET", root_path, **headers)

    @property
    def engine(self) -> Any:
        return self.middleware.engine  # type: ignore[attr-defined]

    def wrap_again(self, user: User) -> None:
        """Wraps the app, including its middleware, in another middleware."""
        kind: Any = AsgiMiddleware if self.gateway == "asgi" else WsgiMiddleware
        self.middleware = kind(self.middleware, self.settings, user=lambda request: user)


class AddsContentLength(Site):
    """A framework that adds Content-Length and may change the case of header names."""

    def request(self, path: str = "/", method: str = "GET", root_path: str = "", **headers: str) -> Reply:
        self.skip_unsupported_headers()
        reply = super().request(path, method, root_path, **headers)  # type: ignore[safe-super]
        original_names = {name.lower(): name for name, _ in self.page.headers}
        pairs = [(original_names.get(name.lower(), name), value) for name, value in reply.headers]
        if "content-length" not in original_names and "/_widgetmw" not in path:
            pairs = [pair for pair in pairs if pair[0].lower() != "content-length"]
            if method != "HEAD":
                assert reply.header("Content-Length") in (None, str(len(reply.body)))
        return Reply(reply.status, pairs, reply.chunks)

    def skip_unsupported_headers(self) -> None:
        """Skips the test if the framework's responses cannot hold the headers of the page."""


def names(headers: dict[str, str]) -> Iterator[tuple[str, str]]:
    return ((key.replace("_", "-"), value) for key, value in headers.items())


class AsgiSite(Site):
    driver = gateway = "asgi"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.middleware = AsgiMiddleware(self._app, self.settings, user=self.resolve)

    def record_scope(self, scope: Any) -> None:
        self.seen.requests.append({k.decode().lower(): v.decode("latin-1") for k, v in scope["headers"]})
        self.on_request(scope)

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        self.record_scope(scope)
        headers = [(k.lower().encode(), v.encode("latin-1")) for k, v in self.page.headers]
        unchanged = list(headers)
        await send({"type": "http.response.start", "status": self.page.status, "headers": headers})
        chunks = self.page.chunks if scope["method"] != "HEAD" else [b""]
        for i, chunk in enumerate(chunks):
            await send({"type": "http.response.body", "body": chunk, "more_body": i + 1 < len(chunks)})
        assert headers == unchanged, "the app's header list was modified"

    def request(self, path: str = "/", method: str = "GET", root_path: str = "", **headers: str) -> Reply:
        return asyncio.run(self._request(path, method, root_path, headers))

    async def _request(self, path: str, method: str, root_path: str, headers: dict[str, str]) -> Reply:
        path, _, query = path.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": root_path + path,
            "root_path": root_path,
            "query_string": query.encode(),
            "headers": [(key.lower().encode(), value.encode("latin-1")) for key, value in names(headers)],
        }
        sent: list[Any] = []
        incoming, completed = [{"type": "http.request", "body": b"", "more_body": False}], asyncio.Event()

        async def receive() -> Any:
            if incoming:
                return incoming.pop()
            await completed.wait()  # the client waits for the response
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                completed.set()

        await self.middleware(scope, receive, send)
        assert [m["type"] for m in sent] == ["http.response.start"] + ["http.response.body"] * (len(sent) - 1)
        assert [m.get("more_body", False) for m in sent[1:]] == [True] * (len(sent) - 2) + [False]
        pairs = [(key.decode(), value.decode("latin-1")) for key, value in sent[0]["headers"]]
        return Reply(sent[0]["status"], pairs, [bytes(m.get("body", b"")) for m in sent[1:]])


class WsgiSite(Site):
    driver = gateway = "wsgi"
    lazy = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        app: Any = self._generator if self.lazy else self._list
        self.middleware = WsgiMiddleware(validator(app), self.settings, user=self.resolve)

    def record_environ(self, environ: Any) -> None:
        self.seen.requests.append(
            {k[5:].lower().replace("_", "-"): v for k, v in environ.items() if k.startswith("HTTP_")}
        )
        self.on_request(environ)

    def _respond(self, environ: Any, start_response: Any) -> list[bytes]:
        self.record_environ(environ)
        start_response(f"{self.page.status} Whatever", list(self.page.headers))
        return self.page.chunks if environ["REQUEST_METHOD"] != "HEAD" else []

    def _list(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        return self._respond(environ, start_response)

    def _generator(self, environ: Any, start_response: Any) -> Iterator[bytes]:
        yield from self._respond(environ, start_response)

    def request(self, path: str = "/", method: str = "GET", root_path: str = "", **headers: str) -> Reply:
        path, _, query = path.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "SCRIPT_NAME": root_path,
            "QUERY_STRING": query,
        }
        for key, value in names(headers):
            environ[f"HTTP_{key.upper().replace('-', '_')}"] = value
        setup_testing_defaults(environ)
        if "Host" not in headers:
            del environ["HTTP_HOST"]
        started: list[Any] = []

        def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
            started[:] = [status, headers]
            return lambda data: None

        chunks = validator(self.middleware)(environ, start_response)
        try:
            body = list(chunks)
        finally:
            chunks.close()  # type: ignore[attr-defined]
        return Reply(int(started[0].split()[0]), list(started[1]), body)


class LazyWsgiSite(WsgiSite):
    """The app as a generator: it calls ``start_response`` only when it is iterated."""

    driver = "wsgi-generator"
    lazy = True


SITES = (AsgiSite, WsgiSite, LazyWsgiSite)
