"""One answer on its way out of an ASGI app: messages in, messages out; every decision is the core's.

Rules of this file: nothing is held longer than the decision needs; once it is made, the app's messages pass as they
are; only our own work is guarded, since an error of the app or the server is not ours to hide. Its twin is
``wsgi_responder.py``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final, TypeAlias

from asgiref.sync import markcoroutinefunction

from widgetmw.core import response
from widgetmw.core.body import Body, spliced
from widgetmw.core.errors import ResolverError, cause
from widgetmw.core.headers import with_exact_length, without
from widgetmw.core.identity import UNASKED, AsyncResolver, ask_soon, whose_soon
from widgetmw.core.response import LENGTH, Page
from widgetmw.core.scanner import PENDING, REFUSED
from widgetmw.core.user import User
from widgetmw.core.widget import MARK, PAGE_METHODS, Widget, has_mark

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Headers: TypeAlias = list[tuple[bytes, bytes]]

PURPOSES = frozenset({b"sec-purpose", b"purpose", b"x-moz"})  # say that a page is loaded ahead of a click
FILE_SENT = frozenset({"http.response.pathsend", "http.response.zerocopysend"})
_FRAMES = frozenset({b"iframe", b"frame", b"embed", b"object", b"fencedframe"})
_MARK = MARK.encode()
_COOKIE: Final = b"cookie"
_NONE: Headers = []


class ScopeFacts:
    """What the scope says that bears on its page; see :class:`widgetmw.core.widget.Facts`."""

    __slots__ = ("_scope", "ahead", "framed", "mount")

    def __init__(self, scope: Scope, mount: str, headers: Iterable[tuple[bytes, bytes]] | None = None) -> None:
        # of one that comes twice the last counts: browsers send none of these twice
        known = dict(scope["headers"] if headers is None else headers)
        self._scope = scope
        self.mount = mount
        self.framed = known.get(b"sec-fetch-site") == b"cross-site" and known.get(b"sec-fetch-dest") in _FRAMES
        self.ahead = not known.keys().isdisjoint(PURPOSES) and _ahead(known)

    @property
    def marked(self) -> bool:
        return marked(self._scope["headers"])

    @property
    def origin(self) -> str | None:
        hosts = [value for name, value in self._scope["headers"] if name == b"host"]
        return f"{self._scope.get('scheme', 'http')}://{hosts[-1].decode('latin-1')}" if hosts else None


def marked(headers: Headers) -> bool:
    """Whether the browser has our cookie."""
    for name, value in headers:
        # "in" would first try whether the text is a number, for twice the time
        if name == _COOKIE and value.find(_MARK) >= 0 and has_mark(value.decode("latin-1")):
            return True
    return False


def _ahead(known: dict[bytes, bytes]) -> bool:
    return any(known.get(name, b"").lower().startswith(b"prefetch") for name in PURPOSES)


class Responder:
    """One request's answer on its way out.

    Args:
        widget: what decides.
        scope: of the request, with a list for headers.
        mount: path the app is mounted under.
        path: of the request, below that.
        send: the server's.
        user: finds out who is signed in.
        asked: the request's headers as far as they bear on its page, as they came; ``None``: the scope's.
        found: what the resolver has said, if it was asked: a user, ``None``, what to wait for, or its error.

    Attributes:
        holding: whether messages of the app's wait for the decision.
    """

    def __init__(
        self,
        widget: Widget,
        scope: Scope,
        mount: str,
        path: str,
        send: Send,
        user: AsyncResolver,
        asked: Headers | tuple[()] | None = None,
        found: User | Awaitable[User | None] | ResolverError | None = UNASKED,
    ) -> None:
        self._widget = widget
        self._scope = scope
        self._mount = mount
        self._path = path
        self._send = send
        self._user = user
        # what a layer further in drops still counts
        self._asked = tuple(scope["headers"]) if asked is None else asked
        # all of them here, and none in the class: the interpreter is quick where it always finds one in the same place
        self.holding = self._done = self._recoding = False
        self._held: list[Message] = []
        self._headers: Headers = _NONE
        self._page: Page | None = None
        self._body: Body | None = None
        self._place = PENDING
        self._found = found

    # Plain functions that hand back the coroutine to wait for, as far as they can: each coroutine of ours in between
    # would cost every message of the app's.

    @markcoroutinefunction  # or bridges such as asgiref's WsgiToAsgi would warn of it
    def send(self, message: Message) -> Awaitable[None]:
        """Takes a message of the app's."""
        if self._done:
            return self._send(message)
        kind, page = message["type"], self._page
        if page is None:
            # early hints and their kin come before the answer
            return self._start(message) if kind == "http.response.start" else self._send(message)
        if self._recoding:
            return self._recode(message) if kind == "http.response.body" else self._send(message)
        return self._chunk(page, message) if kind == "http.response.body" else self._other(kind, message)

    def _start(self, message: Message) -> Awaitable[None]:
        headers = message.get("headers", _NONE)
        if headers.__class__ is not list:
            headers = list(headers)  # any iterable will do, also one that is read once
            message = {**message, "headers": headers}
        try:
            page = self._inspected(message["status"], headers)
        except Exception as error:
            page = self._failure(error)
        if isinstance(page, str):
            self._held = [message]
            return self._leave(page)
        self._headers = headers.copy()  # as the app sent them: servers do not look at a list again either
        self._held = [{**message, "headers": self._headers}]
        self.holding, self._page = True, page
        return self._judge(page) if self._scope["method"] == "HEAD" else nothing()

    def _inspected(self, status: int, headers: Headers) -> Page | str:
        if self._scope["method"] not in PAGE_METHODS:
            return "method"
        page = response.inspect(status, headers)
        if isinstance(page, Page) and self._widget.excluded(self._path):
            return "excluded"
        return page

    def _other(self, kind: str, message: Message) -> Awaitable[None]:
        self._held.append(message)
        return self._leave("file_sent") if kind in FILE_SENT else nothing()

    def _chunk(self, page: Page, message: Message) -> Awaitable[None]:
        try:
            place = self._sought(page, message)
        except Exception as error:
            if self._held[-1] is not message:
                self._held.append(message)
            return self._leave(self._failure(error))
        if place == PENDING:
            return nothing()
        if place == REFUSED:
            return self._leave((self._body and self._body.reason) or "failed")
        self._place = place
        return self._judge(page)

    def _sought(self, page: Page, message: Message) -> int:
        data, more = message.get("body", b""), message.get("more_body", False)
        if not data and more:
            return PENDING  # it says nothing, and there may be many
        self._held.append(message)
        if data.__class__ is not bytes:
            data = bytes(data)
        body = self._body
        if body is None:
            if page.charset and not page.coding:
                place = self._widget.place(data, self._mount)
                if place != PENDING:
                    return place
            self._body = body = Body(page.charset, page.coding)  # which need not glance at it again
        place = body.seek(data, not more)
        if place > 0 and page.usual and len(self._held) == 2 and body.head_tag:
            self._widget.learn(self._mount, data[:place])
        return place

    def _judge(self, page: Page) -> Awaitable[None]:
        """Asks whose the page is, where that matters, and goes on with the answer."""
        widget = self._widget
        dressed: tuple[Headers, bytes] | str | None
        try:
            facts = ScopeFacts(self._scope, self._mount, self._asked)
            dressed = widget.forbids(facts, page)
            if dressed is None:
                found = self._whose() if widget.asks_user else None
                if found is not None and not isinstance(found, User):
                    return self._wait(facts, page, found)
                dressed = widget.dress(facts, page, self._headers, found)
        except Exception as error:
            dressed = self._failure(error)
        return self._leave(dressed) if isinstance(dressed, str) else self._out(page, *dressed)

    def _whose(self) -> User | Awaitable[User | None] | None:
        found, self._found = self._found, UNASKED  # what is waited for can be waited for once
        if isinstance(found, ResolverError):
            raise ResolverError(str(found))
        return whose_soon(self._scope, self._user) if found is UNASKED else found

    async def _wait(self, facts: ScopeFacts, page: Page, found: Awaitable[User | None]) -> None:
        dressed: tuple[Headers, bytes] | str
        try:
            dressed = self._widget.dress(facts, page, self._headers, await found)
        except Exception as error:
            dressed = self._failure(error)
        await (self._leave(dressed) if isinstance(dressed, str) else self._out(page, *dressed))

    def _skip(self, reason: str) -> None:
        self._widget.skip(reason)

    def _failure(self, error: Exception) -> str:
        code, why = ("resolver_failed", str(error)) if isinstance(error, ResolverError) else ("failed", cause(error))
        self._widget.events.say("page", code, why)
        return code

    def _out(self, page: Page, headers: Headers, span: bytes) -> Awaitable[None]:
        """Sends what is held with our headers and the span, in the order of the app's messages."""
        held, self._held = self._held, []
        self.holding, self._done = False, True
        widget = self._widget
        widget.injected()
        if widget.settings.debug:
            headers.append((b"x-widgetmw", b"injected"))
        if self._scope["method"] == "HEAD":
            # how long the page would be is known only once it is made
            return self._send({**held[0], "headers": without(headers, LENGTH)})
        if self._body is not None:
            return self._send_all(self._opened(page, headers, span, held, self._body))
        # the place was found at a glance, in the first piece
        chunk = held[-1]
        held[0] = {**held[0], "headers": headers}
        held[-1] = {**chunk, "body": spliced(_bytes(chunk["body"]), self._place, span)}
        return self._send_all(held)

    def _opened(self, page: Page, headers: Headers, span: bytes, held: list[Message], body: Body) -> list[Message]:
        chunk = held[-1]
        last = not chunk.get("more_body", False)
        out = body.opened(span, last)
        if page.coding and last:
            headers = with_exact_length(headers, len(out))
        elif page.coding:
            headers = without(headers, LENGTH)
            self._recoding, self._done = True, False
        others = [message for message in held[1:-1] if message["type"] != "http.response.body"]
        return [{**held[0], "headers": headers}, *others, {**chunk, "body": out}]

    def _leave(self, reason: str) -> Awaitable[None]:
        """Sends what is held as it came."""
        self._skip(reason)
        if self._widget.settings.debug:
            start, told = self._held[0], (b"x-widgetmw", f"skipped; reason={reason}".encode())
            self._held[0] = {**start, "headers": [*(start.get("headers") or ()), told]}
        return self._release()

    def _release(self) -> Awaitable[None]:
        self.holding, self._done = False, True
        held = self._held
        self._held = []
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

    def _judge(self, page: Page) -> Awaitable[None]:
        try:
            if self._widget.forbids(ScopeFacts(self._scope, self._mount, self._asked), page) is None:
                return self._ask()
        except Exception as error:
            self._failure(error)
        return self._release()

    def _ask(self) -> Awaitable[None]:
        found, self._found = self._found, UNASKED
        waiting: Any = ask_soon(self._scope, self._user) if found is UNASKED else found
        return self._release() if waiting is None else self._release_after(waiting)

    async def _release_after(self, waiting: Awaitable[None]) -> None:
        await waiting
        await self._release()

    def _skip(self, reason: str) -> None:
        pass  # it is counted further out

    def _failure(self, error: Exception) -> str:
        return "failed"  # further out the same will fail, and be said

    def _leave(self, reason: str) -> Awaitable[None]:
        return self._release()


async def nothing() -> None:
    """What there is to wait for while an answer is held."""


def _bytes(data: Any) -> bytes:
    return data if isinstance(data, bytes) else bytes(data)
