"""The ASGI driver: a middleware that leaves pages to a responder, and answers the endpoint.

Every decision is the core's. Its twin is ``wsgi.py``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import TypeAlias

from widgetmw.asgi.responder import CONDITIONAL, FILE_SENT, Message, Responder, Scope, Send, is_special
from widgetmw.core.endpoint import MOST_DRAINED, Answer, Call, bounded
from widgetmw.core.engine import Widget
from widgetmw.core.errors import ResolverError
from widgetmw.core.identity.resolvers import AsyncResolver, claim, from_scope, spoken_for, whose_async
from widgetmw.core.proxy.resolver import Front
from widgetmw.core.settings import Settings

Receive: TypeAlias = Callable[[], Awaitable[Message]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

_ASKED = {name.encode(): name for name in ("host", "origin", "sec-fetch-site", "access-control-request-method")}


class WidgetMiddleware:
    """Puts a vendor's signed identity into the pages of an ASGI app, and answers its token endpoint.

    Args:
        app: the ASGI 3 app to wrap.
        settings: how; ``None`` reads the environment.
        user: called with the scope, sync (then it must not block) or async; returns the ``User`` who is signed in,
            or ``None``. Without it the proxy that the settings name is believed, or else ``scope["user"]`` is read as
            Starlette's authentication sets it.

    Raises:
        SettingsError: the environment has problems.
        TypeError: ``user`` is not callable.
    """

    def __init__(self, app: App, settings: Settings | None = None, *, user: AsyncResolver | None = None) -> None:
        if user is not None and not callable(user):
            raise TypeError("user must be a function of the scope that returns a User or None")
        self.settings = Settings.from_env() if settings is None else settings
        self.widget = Widget(self.settings) if self.settings.active else None
        self.front = self.widget.front if self.widget is not None and user is None else None
        self._user = (self.front or from_scope) if user is None else user
        self.wrap(app)

    def wrap(self, app: App) -> None:
        """Takes the app to wrap, where it is made late."""
        self.app = app if self.front is None else self.front.entered(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection; all but HTTP passes untouched."""
        widget = self.widget
        if widget is None or scope["type"] != "http" or (mark := claim(scope, self)) is None:
            await self.app(scope, receive, send)
            return
        try:
            headers = scope.get("headers")
            if headers.__class__ is not list:
                scope["headers"] = headers = list(headers or ())  # any iterable will do, also one that is read once
            mount: str = scope.get("root_path") or ""
            path: str = scope["path"]
            if mount:
                mount = mount.rstrip("/")
                path = below(mount, path)
            if path.startswith(widget.path) and widget.ours(path):
                await self._answer(widget, scope, receive, send, path[len(widget.path) :])
                return
            if "extensions" in scope and scope["extensions"]:  # noqa: RUF019  few servers set it
                hide_file_sending(scope)
            responder = Responder()
            responder.begin(widget, scope, mount, path, send, self._user)
            if is_special(headers):
                responder.read_request()
                hide_validators(widget, scope, path, self.front)
            await self.app(scope, receive, responder.send)
            if responder.held_start is not None:
                await responder.close()
        finally:
            mark[0] = None

    async def _answer(self, widget: Widget, scope: Scope, receive: Receive, send: Send, path: str) -> None:
        call = call_of(scope, path)
        if call.method == "POST":
            receive = await _emptied(scope, receive)
        answer = widget.endpoint.refusal(call)
        if answer is None:
            answer = await self._tokens(widget, scope, receive, call)
        widget.events.note("endpoint", str(answer.status))
        await send_answer(answer, call, send)

    async def _tokens(self, widget: Widget, scope: Scope, receive: Receive, call: Call) -> Answer:
        return await tokens_for(widget, scope, call, self._user)


async def tokens_for(widget: Widget, scope: Scope, call: Call, user: AsyncResolver) -> Answer:
    """Returns the endpoint's answer for whoever the resolver says is signed in."""
    try:
        found = await whose_async(scope, user)
    except ResolverError as error:
        widget.events.failure("endpoint", "resolver_failed", str(error))
        return widget.endpoint.unavailable(call)
    return widget.endpoint.nobody(call) if found is None else widget.endpoint.tokens(call, found)


def below(mount: str, path: str) -> str:
    """The path below the mount; servers differ in whether ``path`` holds ``root_path``."""
    if path.startswith(mount) and (len(path) == len(mount) or path[len(mount)] == "/"):
        return path[len(mount) :]
    return path


def placed(scope: Scope) -> tuple[str, str]:
    """The path the app is mounted under, and the one of the request below that."""
    mount = (scope.get("root_path") or "").rstrip("/")
    return mount, below(mount, scope["path"])


def hide_validators(widget: Widget, scope: Scope, path: str, front: Front | None) -> None:
    """Keeps the app from answering 304 or 206 to somebody who may be signed in: the user is known only later."""
    if not widget.asks_user or scope["method"] not in ("GET", "HEAD") or widget.is_excluded(path):
        return
    headers = scope["headers"]
    known = wanted = validated = False
    for name, value in headers:
        if name in (b"cookie", b"authorization"):
            known = True
        elif name == b"accept" and b"text/html" in value.lower():
            wanted = True
        elif name in CONDITIONAL:
            validated = True
    if validated and wanted and (known or spoken_for(scope) or (front is not None and front.announced(scope))):
        scope["headers"] = [pair for pair in headers if pair[0] not in CONDITIONAL]


def hide_file_sending(scope: Scope) -> None:
    """Keeps the app from handing the server a file in place of a page's bytes, which would pass us by.

    Granian offers it, and Starlette's ``FileResponse`` takes it up. What is not asked for as a page keeps it.
    """
    if FILE_SENT.isdisjoint(scope["extensions"]):
        return
    if any(name == b"accept" and b"text/html" in value.lower() for name, value in scope["headers"]):
        scope["extensions"] = {key: value for key, value in scope["extensions"].items() if key not in FILE_SENT}


def call_of(scope: Scope, path: str) -> Call:
    """Returns a request to the endpoint; the path is the one behind its prefix."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        key = _ASKED.get(name)
        if key is not None:
            text = value.decode("latin-1")
            found[key] = f"{found[key]}, {text}" if key in found else text
    return Call(
        scope["method"],
        path,
        scope.get("query_string", b"").decode("latin-1"),
        found.get("host", ""),
        found.get("origin"),
        found.get("sec-fetch-site"),
        "access-control-request-method" in found,
    )


async def _emptied(scope: Scope, receive: Receive) -> Receive:
    """Takes a small body that a caller announces and drops it; returns what hands out an empty one in its place."""
    announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    if not bounded(announced.decode("latin-1")):
        return receive
    more, left = True, MOST_DRAINED
    while more and left > 0:
        message = await receive()
        left -= 1 + len(message.get("body", b""))
        more = message.get("more_body", False)
    empty: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def rest() -> Message:
        return empty.pop() if empty else await receive()

    return rest


async def send_answer(answer: Answer, call: Call, send: Send) -> None:
    """Sends an answer of the endpoint."""
    headers = list(_encoded(answer.headers))
    if answer.status != 204:
        headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if call.method == "HEAD" else answer.body})


@lru_cache(maxsize=64)
def _encoded(headers: tuple[tuple[str, str], ...]) -> tuple[tuple[bytes, bytes], ...]:
    return tuple([(name.lower().encode(), value.encode("latin-1")) for name, value in headers])
