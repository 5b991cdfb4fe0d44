"""The ASGI driver: messages in, messages out; every decision is the core's.

Rules of this file: nothing is held longer than the decision needs; once it is made, the app's messages pass as they
are; only our own work is guarded, since an error of the app or the server is not ours to hide. Its twin is
``wsgi.py``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from widgetmw.core import response
from widgetmw.core.body import Body
from widgetmw.core.endpoint import Answer, Call
from widgetmw.core.errors import ResolverError, cause
from widgetmw.core.identity import AsyncResolver, ask_async, claim, from_scope, release, spoken_for, whose_async
from widgetmw.core.response import LENGTH, Page
from widgetmw.core.scanner import PENDING, REFUSED
from widgetmw.core.settings import Settings
from widgetmw.core.widget import PAGE_METHODS, VALIDATORS, Facts, Widget, has_mark

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers: TypeAlias = list[tuple[bytes, bytes]]

_VALIDATORS = frozenset(name.encode() for name in VALIDATORS)
_TELLING = frozenset({b"cookie", b"sec-fetch-dest", b"sec-fetch-site", b"sec-purpose", b"purpose", b"x-moz", b"host"})
_FILE_SENT = frozenset({"http.response.pathsend", "http.response.zerocopysend"})


class WidgetMiddleware:
    """Puts a vendor's signed identity into the pages of an ASGI app, and answers its token endpoint.

    Args:
        app: the ASGI 3 app to wrap.
        settings: how; ``None`` reads the environment.
        user: called with the scope, sync (then it must not block) or async; returns the ``User`` who is signed in,
            or ``None``. Without it ``scope["user"]`` is read as Starlette's authentication sets it.

    Raises:
        SettingsError: the environment has problems.
        TypeError: ``user`` is not callable.
    """

    def __init__(self, app: App, settings: Settings | None = None, *, user: AsyncResolver | None = None) -> None:
        if user is not None and not callable(user):
            raise TypeError("user must be a function of the scope that returns a User or None")
        self.app = app
        self.settings = Settings.from_env() if settings is None else settings
        self.widget = Widget(self.settings) if self.settings.active else None
        self._user = from_scope if user is None else user

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection; all but HTTP passes untouched."""
        widget = self.widget
        if widget is None or scope["type"] != "http" or not claim(scope, self):
            await self.app(scope, receive, send)
            return
        if not isinstance(scope.get("headers"), list):
            scope["headers"] = list(scope.get("headers") or ())  # any iterable will do, also one that is read once
        mount: str = (scope.get("root_path") or "").rstrip("/")
        path: str = below(mount, scope["path"]) if mount else scope["path"]
        if widget.ours(path):
            try:
                await self._answer(widget, scope, receive, send, path[len(widget.path) :])
            finally:
                release(scope)
            return
        if widget.asks_user and scope["method"] in ("GET", "HEAD") and not widget.excluded(path):
            _hide_validators(scope)
        responder = Responder(widget, scope, mount, path, send, self._user)
        try:
            await self.app(scope, receive, responder.send)
            if responder.holding:
                await responder.close()
        finally:
            release(scope)

    async def _answer(self, widget: Widget, scope: Scope, receive: Receive, send: Send, path: str) -> None:
        call = _call(scope, path)
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


def _hide_validators(scope: Scope) -> None:
    """Keeps the app from answering 304 or 206 to somebody who may be signed in: the user is known only later."""
    headers = scope["headers"]
    for name, _ in headers:
        if name in _VALIDATORS:
            break
    else:
        return
    known = wanted = False
    for name, value in headers:
        if name in (b"cookie", b"authorization"):
            known = True
        elif name == b"accept" and b"text/html" in value.lower():
            wanted = True
    if wanted and (known or spoken_for(scope)):
        scope["headers"] = [pair for pair in headers if pair[0] not in _VALIDATORS]


def _call(scope: Scope, path: str) -> Call:
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        if name in (b"host", b"origin", b"sec-fetch-site", b"access-control-request-method"):
            key, text = name.decode(), value.decode("latin-1")
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


async def send_answer(answer: Answer, call: Call, send: Send) -> None:
    """Sends an answer of the endpoint."""
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in answer.headers]
    if answer.status != 204:
        headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if call.method == "HEAD" else answer.body})


def _facts(scope: Scope, mount: str) -> Facts:
    marked = ahead = False
    frame = site = origin = None
    for name, value in [pair for pair in scope["headers"] if pair[0] in _TELLING]:
        if name == b"cookie":
            marked = marked or has_mark(value.decode("latin-1"))
        elif name == b"sec-fetch-dest":
            frame = value
        elif name == b"sec-fetch-site":
            site = value
        elif name == b"host":
            origin = f"{scope.get('scheme', 'http')}://{value.decode('latin-1')}"
        else:
            ahead = ahead or value.lower().startswith(b"prefetch")
    framed = site == b"cross-site" and frame in (b"iframe", b"frame", b"embed", b"object", b"fencedframe")
    return Facts(mount, marked, framed, ahead, origin)


class Responder:
    """One request's answer on its way out.

    Attributes:
        holding: whether messages of the app's wait for the decision.
    """

    holding = False
    _pending = True
    _recoding = False
    _page: Page | None = None
    _body: Body | None = None

    def __init__(self, widget: Widget, scope: Scope, mount: str, path: str, send: Send, user: AsyncResolver) -> None:
        self._widget = widget
        self._scope = scope
        self._mount = mount
        self._path = path
        self._send = send
        self._user = user

    # Plain functions that hand back the coroutine to wait for, as far as they can: each coroutine of ours in between
    # would cost every message of the app's.

    def send(self, message: Message) -> Awaitable[None]:
        """Takes a message of the app's."""
        if self._pending:
            kind = message["type"]
            if self._page is not None:
                return self._decide(kind, message)
            if kind == "http.response.start":
                return self._start(message)
            # early hints and their kin come before the answer
        elif self._recoding and message["type"] == "http.response.body":
            return self._recode(message)
        return self._send(message)

    def _start(self, message: Message) -> Awaitable[None]:
        headers = message.get("headers")
        if headers is not None and not isinstance(headers, list):
            message = {**message, "headers": list(headers)}  # any iterable will do, also one that is read once
        page = self._inspected(message)
        self._held = [message]
        if isinstance(page, str):
            return self._leave(page)
        self.holding, self._page = True, page
        if self._scope["method"] == "HEAD":
            return self._head(page)
        self._body = Body(page.charset, page.coding)
        return _nothing()

    async def _decide(self, kind: str, message: Message) -> None:
        if kind == "http.response.body":
            await self._chunk(message)
            return
        self._held.append(message)
        if kind in _FILE_SENT:
            await self._leave("file_sent")

    def _inspected(self, message: Message) -> Page | str:
        if self._scope["method"] not in PAGE_METHODS:
            return "method"
        try:
            page = response.inspect(message["status"], message.get("headers") or [])
        except Exception as error:
            self._fault(error)
            return "failed"
        if isinstance(page, Page) and self._widget.excluded(self._path):
            return "excluded"
        return page

    async def _head(self, page: Page) -> None:
        dressed = await self._dressed(page)
        if isinstance(dressed, str):
            await self._leave(dressed)
        else:
            # how long the page would be is known only once it is made
            await self._out(response.without(dressed[0], LENGTH))

    async def _chunk(self, message: Message) -> None:
        page, body = self._page, self._body
        assert page is not None
        assert body is not None
        last = not message.get("more_body", False)
        if not (last or message.get("body")):
            return  # it says nothing, and there may be many
        self._held.append(message)
        try:
            place = body.seek(_bytes(message.get("body", b"")), last)
        except Exception as error:
            self._fault(error)
            await self._leave("failed")
            return
        if place == PENDING:
            return
        dressed = (body.reason or "failed") if place == REFUSED else await self._dressed(page)
        if isinstance(dressed, str):
            await self._leave(dressed)
            return
        headers, span = dressed
        out = body.opened(span, last)
        if not page.coding:
            response.with_length(headers, len(span))
        elif last:
            headers = response.with_exact_length(headers, len(out))
        else:
            headers = response.without(headers, LENGTH)
        self._recoding = bool(page.coding) and not last
        await self._out(headers, {**message, "body": out})

    async def _dressed(self, page: Page) -> tuple[Headers, bytes] | str:
        widget = self._widget
        try:
            facts = _facts(self._scope, self._mount)
            reason = widget.forbids(facts, page)
            if reason is not None:
                return reason
            user = await whose_async(self._scope, self._user) if widget.asks_user else None
            return widget.dress(facts, page, self._held[0]["headers"], user)
        except ResolverError as error:
            widget.events.say("page", "resolver_failed", str(error))
            return "resolver_failed"
        except Exception as error:
            self._fault(error)
            return "failed"

    def _fault(self, error: Exception) -> None:
        self._widget.events.say("page", "failed", cause(error))

    async def _out(self, headers: Headers, body: Message | None = None) -> None:
        """Sends the answer with our headers, and the body if it has come, in the order of the app's messages."""
        self._pending = self.holding = False
        held, self._held = self._held, []
        self._widget.injected()
        if self._widget.settings.debug:
            headers.append((b"x-widgetmw", b"injected"))
        await self._send({**held[0], "headers": headers})
        for message in held[1:]:
            if message["type"] != "http.response.body":
                await self._send(message)
        if body is not None:
            await self._send(body)

    def _leave(self, reason: str) -> Awaitable[None]:
        """Sends what is held as it came."""
        self._widget.skip(reason)
        if self._widget.settings.debug:
            start, told = self._held[0], (b"x-widgetmw", f"skipped; reason={reason}".encode())
            self._held[0] = {**start, "headers": [*(start.get("headers") or ()), told]}
        return self._release()

    def _release(self) -> Awaitable[None]:
        self._pending = self.holding = False
        held, self._held = self._held, []
        return self._send(held[0]) if len(held) == 1 else self._send_all(held)

    async def _send_all(self, messages: list[Message]) -> None:
        for message in messages:
            await self._send(message)

    def _recode(self, message: Message) -> Awaitable[None]:
        assert self._body is not None
        last = not message.get("more_body", False)
        return self._send({**message, "body": self._body.passed(_bytes(message.get("body", b"")), last)})

    async def close(self) -> None:
        """Lets go of what is held when the app has returned without an end."""
        await self._leave("incomplete")


class Asker(Responder):
    """Asks for the user where session and context live, for a responder further out that sees the final answer.

    It asks when a page turns out to be one, as the responder does, and changes nothing.
    """

    async def _dressed(self, page: Page) -> str:
        try:
            if self._widget.forbids(_facts(self._scope, self._mount), page) is None:
                await ask_async(self._scope, self._user)
        except Exception as error:
            self._fault(error)
        return ""

    def _fault(self, error: Exception) -> None:
        pass  # further out the same will fail, and be said

    def _leave(self, reason: str) -> Awaitable[None]:
        return self._release()


async def _nothing() -> None:
    pass


def _bytes(data: Any) -> bytes:
    return data if isinstance(data, bytes) else bytes(data)
