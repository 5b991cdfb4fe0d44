"""One response on its way out of an ASGI app: messages in, messages out; every decision is the core's.

Rules of this file: nothing is held longer than the decision needs; once it is made, the app's messages pass as they
are; only our own work is guarded, since an error of the app or the server is not ours to hide. What takes a message is
a plain function that returns the awaitable of what it sends: a coroutine of ours in between would cost every message.
Its twin is ``wsgi/responder.py``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from functools import partial
from typing import Any, Final, TypeAlias

from asgiref.sync import markcoroutinefunction

from widgetmw.core.engine import MARK, PAGE_METHODS, VALIDATORS, Widget, has_session_cookie
from widgetmw.core.errors import ResolverError, cause
from widgetmw.core.html.body_rewriter import Body
from widgetmw.core.html.head_scanner import PENDING, REFUSED
from widgetmw.core.http.page import LENGTH, Page
from widgetmw.core.http.response_headers import with_exact_length, without
from widgetmw.core.identity.resolvers import AsyncResolver, ask_soon, whose_soon
from widgetmw.core.identity.user import User

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Headers: TypeAlias = list[tuple[bytes, bytes]]

FILE_SENT = frozenset({"http.response.pathsend", "http.response.zerocopysend"})
CONDITIONAL = frozenset(name.encode() for name in VALIDATORS)
_PURPOSES = frozenset({b"sec-purpose", b"purpose", b"x-moz"})  # say that a page is loaded ahead of a click
_FRAMES = frozenset({b"iframe", b"frame", b"embed", b"object", b"fencedframe"})
_SITE: Final = b"sec-fetch-site"
_SPECIAL = _PURPOSES | CONDITIONAL | {_SITE}
_MARK = MARK.encode()
_NO_HEADERS: Headers = []
_COOKIE: Final = b"cookie"


def is_special(headers: Headers) -> bool:
    """Whether a request has a header that bears on its page, besides its cookies."""
    special = _SPECIAL
    for name, value in headers:  # noqa: SIM110  a generator would cost half as much again
        if name in special and (name != _SITE or value == b"cross-site"):
            return True
    return False


class ScopeFacts:
    """What a scope, with a list for headers, says that bears on its page; see :class:`widgetmw.core.engine.Facts`."""

    __slots__ = ("_scope", "in_cross_site_frame", "is_prefetch", "root_path")

    _scope: Scope
    root_path: str
    in_cross_site_frame: bool
    is_prefetch: bool

    def read_request(self) -> None:
        """Reads what only a special request says."""
        # browsers never repeat these headers
        known = dict(self._scope["headers"])
        self.in_cross_site_frame = known.get(_SITE) == b"cross-site" and known.get(b"sec-fetch-dest") in _FRAMES
        self.is_prefetch = any(known.get(name, b"").lower().startswith(b"prefetch") for name in _PURPOSES)

    def has_session_cookie(self) -> bool:
        for name, value in self._scope["headers"]:
            # "in" would first try whether the text is a number, for twice the time
            if name == _COOKIE and value.find(_MARK) >= 0 and has_session_cookie(value.decode("latin-1")):
                return True
        return False

    @property
    def origin(self) -> str | None:
        hosts = [value for name, value in self._scope["headers"] if name == b"host"]
        return f"{self._scope.get('scheme', 'http')}://{hosts[-1].decode('latin-1')}" if hosts else None


def read_facts(scope: Scope, root_path: str) -> ScopeFacts:
    """Returns what a request says."""
    facts = ScopeFacts()
    facts._scope, facts.root_path = scope, root_path
    facts.read_request()
    return facts


class Responder(ScopeFacts):
    """One request's response on its way out.

    Attributes:
        held_start: the message that starts the response, while it is undecided what becomes of it.
    """

    __slots__ = ("_body", "_held", "_next", "_page", "_path", "_send", "_user", "_widget", "held_start")

    _page: Page
    _body: Body
    _held: list[Message] | None

    def begin(self, widget: Widget, scope: Scope, root_path: str, path: str, send: Send, user: AsyncResolver) -> None:
        """Takes what an initializer would: CPython 3.11 calls one through C, which costs more than all that it does.

        Args:
            widget: what decides.
            scope: of the request, with a list for headers.
            root_path: path the app is mounted under.
            path: of the request, below that.
            send: the server's.
            user: finds out who is signed in.
        """
        self._widget = widget
        self._scope = scope
        self.root_path = root_path
        self._path = path
        self._send = send
        self._user = user
        self.in_cross_site_frame = self.is_prefetch = False
        self._next: Send | None = None  # takes the next message, once the response has started
        self.held_start: Message | None = None  # held until it is decided what becomes of the response

    @markcoroutinefunction  # or bridges such as asgiref's WsgiToAsgi would warn of it
    def send(self, message: Message) -> Awaitable[None]:
        """Takes a message of the app's."""
        following = self._next
        if following is not None:
            return following(message)
        if message["type"] != "http.response.start":
            return self._send(message)  # early hints and their kin come before the response
        widget, method = self._widget, self._scope["method"]
        page: Page | str
        try:
            headers = message["headers"] if "headers" in message else _NO_HEADERS  # noqa: SIM401  a call less
            if headers.__class__ is not list:
                message = {**message, "headers": (headers := list(headers))}  # it may be one that is read once
            page = widget.page_from_bytes(message["status"], headers) if method in PAGE_METHODS else "method"
        except Exception as error:
            page = self._failure(error)
        if page.__class__ is str:
            return self._skip(message, page)
        if widget.has_excludes and widget.is_excluded(self._path):
            return self._skip(message, "excluded")
        self._page, self._next = page, self._on_body
        start = {**message}
        start["headers"] = headers.copy()  # as the app sent them: servers do not look at a list again either
        self.held_start, self._held = start, None
        return self._decide() if method == "HEAD" else nothing()

    def _skip(self, start: Message, reason: str) -> Awaitable[None]:
        """Sends the start of a response that is left alone."""
        widget = self._widget
        widget.outcomes[reason] += 1
        self._next = send = self._send
        return send(_noted(start, reason) if widget.debug else start)

    def _on_body(self, message: Message) -> Awaitable[None]:
        """Takes the first message after the start."""
        if message["type"] != "http.response.body":
            return self._on_other(message)
        page, data, offset = self._page, message.get("body", b""), PENDING
        try:
            if page.charset_declared and not page.coding and data.__class__ is bytes:
                offset = self._widget.insertion_offset(self.root_path, data)
            if offset == PENDING:
                self._body = Body(page.charset_declared, page.coding)
                self._next = self._search
                return self._search(message)
        except Exception as error:
            return self._pass_through(self._failure(error), message)
        return self._decide(message, offset)

    def _on_other(self, message: Message) -> Awaitable[None]:
        if message["type"] in FILE_SENT:
            return self._pass_through("file_sent", message)
        return self._hold(message)

    def _hold(self, message: Message) -> Awaitable[None]:
        if self._held is None:
            self._held = []
        self._held.append(message)
        return nothing()

    def _search(self, message: Message) -> Awaitable[None]:
        """Looks for the place of the script in a page that does not begin as most do, or is compressed."""
        if message["type"] != "http.response.body":
            return self._on_other(message)
        page, body, data, more = self._page, self._body, message.get("body", b""), message.get("more_body", False)
        if not data and more:
            return nothing()  # it says nothing, and there may be many
        try:
            data = bytes(data)
            offset = body.seek(data, not more)
            if offset > 0 and body.head_tag and self._held is None and page.charset_declared and page.special is None:
                self._widget.remember_prefix(self.root_path, data[:offset])
        except Exception as error:
            return self._pass_through(self._failure(error), message)
        if offset == PENDING:
            return self._hold(message)
        return self._pass_through(body.reason or "failed", message) if offset == REFUSED else self._decide(message)

    def _decide(self, message: Message | None = None, offset: int = PENDING) -> Awaitable[None]:
        """Asks whose the page is, where that matters, and goes on with the response."""
        widget, page = self._widget, self._page
        result: tuple[Headers, bytes] | str | None = None
        try:
            if page.refusal is not None or self.in_cross_site_frame:
                result = widget.refusal_reason(self, page)
            if result is None:
                user = whose_soon(self._scope, self._user) if widget.asks_user else None
                if user.__class__ is not User and user is not None and not isinstance(user, User):
                    return self._wait(user, message, offset)
                result = widget.inject(self, page, self.held_start["headers"], user)
        except Exception as error:
            result = self._failure(error)
        if result.__class__ is str:
            return self._pass_through(result, message)
        headers, script = result
        return self._inject(headers, script, message, offset)

    def _wait(self, user: Awaitable[Any], message: Message | None, offset: int) -> Awaitable[None]:
        held, self._held, self._next = self._held, [], self._hold  # what the app sends meanwhile
        return self._decide_later(user, message, offset, held)

    async def _decide_later(
        self, user: Awaitable[Any], message: Message | None, offset: int, held: list[Message] | None
    ) -> None:
        try:
            result = self._conclude(await user)
        except Exception as error:
            result = self._failure(error)
        except BaseException:  # the app waits no longer: nothing is lost, and the page goes without
            self._held = [*(held or ()), *(() if message is None else (message,)), *self._held]
            self._next = partial(self._pass_through, "incomplete")
            raise
        later, self._held = self._held, held
        if isinstance(result, str):
            await self._pass_through(result, message)
        else:
            await self._inject(*result, message, offset)
        for each in later:
            await self.send(each)

    def _conclude(self, user: User | None) -> tuple[Headers, bytes] | str:
        return self._widget.inject(self, self._page, self.held_start["headers"], user)

    def _inject(self, headers: Headers, script: bytes, message: Message | None, offset: int) -> Awaitable[None]:
        """Sends what is held with our headers and the script, in the order of the app's messages."""
        widget, start = self._widget, self.held_start
        widget.outcomes["injected"] += 1
        if widget.debug:
            headers.append((b"x-widgetmw", b"injected"))
        start["headers"] = headers
        if offset < 0:
            return self._inject_searched(start, message, script)
        data = message["body"]
        message = {**message}
        message["body"] = b"".join((data[:offset], script, memoryview(data)[offset:]))  # it is copied once
        if self._held is not None:
            return self._release(start, message)
        self._next = send = self._send
        self.held_start = None
        return send_both(send, start, message)

    def _inject_searched(self, start: Message, message: Message | None, script: bytes) -> Awaitable[None]:
        """Sends all that was searched in one message; or the start alone, where it answers HEAD."""
        page, headers = self._page, start["headers"]
        if message is None:
            start["headers"] = without(headers, LENGTH)  # how long the page would be is known only once it is made
            return self._release(start, None)
        body = self._body
        last = not message.get("more_body", False)
        message = {**message, "body": body.opened(script, last)}
        if page.coding:
            exact = last and with_exact_length(headers, len(message["body"]))
            start["headers"] = exact or without(headers, LENGTH)
        self._held = [each for each in self._held or () if each["type"] != "http.response.body"]
        released = self._release(start, message)
        if page.coding and not last:
            self._next = self._reencode
        return released

    def _reencode(self, message: Message) -> Awaitable[None]:
        if message["type"] != "http.response.body":
            return self._send(message)
        last = not message.get("more_body", False)
        return self._send({**message, "body": self._body.passed(bytes(message.get("body", b"")), last)})

    def _pass_through(self, reason: str, message: Message | None = None) -> Awaitable[None]:
        """Sends what is held, and the message, as they came."""
        widget, start = self._widget, self.held_start
        widget.outcomes[reason] += 1
        return self._release(_noted(start, reason) if widget.debug else start, message)

    def _release(self, start: Message, message: Message | None) -> Awaitable[None]:
        self._next = send = self._send
        self.held_start = None
        if self._held:
            return send_all(send, [start, *self._held, *(() if message is None else (message,))])
        return send(start) if message is None else send_both(send, start, message)

    def _failure(self, error: Exception) -> str:
        code, why = ("resolver_failed", str(error)) if isinstance(error, ResolverError) else ("failed", cause(error))
        self._widget.events.say("page", code, why)
        return code

    async def close(self) -> None:
        """Sends what is held when the app has returned without an end."""
        await self._pass_through("incomplete")


class UserProbe(Responder):
    """Asks for the user where session and context live, for a responder further out that sees the final response.

    It asks when a page turns out to be one, as the responder does, and changes nothing.
    """

    __slots__ = ()

    def _decide(self, message: Message | None = None, offset: int = PENDING) -> Awaitable[None]:
        waiting = None
        try:
            if self._widget.refusal_reason(self, self._page) is None:
                waiting = ask_soon(self._scope, self._user)
        except Exception:  # noqa: S110  further out the same will fail, and be said
            pass
        if waiting is not None:
            return self._wait(waiting, message, offset)
        return self._release(self.held_start, message)

    def _conclude(self, user: None) -> str:
        return ""  # it is kept with the request

    def _skip(self, start: Message, reason: str) -> Awaitable[None]:
        self._next = send = self._send
        return send(start)  # it is counted further out

    def _pass_through(self, reason: str, message: Message | None = None) -> Awaitable[None]:
        return self._release(self.held_start, message)

    def _failure(self, error: Exception) -> str:
        return "failed"  # further out the same will fail, and be said


def _noted(start: Message, reason: str) -> Message:
    note = (b"x-widgetmw", f"skipped; reason={reason}".encode())
    return {**start, "headers": [*(start.get("headers") or ()), note]}


async def send_both(send: Send, start: Message, body: Message) -> None:
    """Sends the two messages that most responses have."""
    await send(start)
    await send(body)


async def send_all(send: Send, messages: Sequence[Message]) -> None:
    """Sends messages in their order."""
    for message in messages:
        await send(message)


async def nothing() -> None:
    """What there is to wait for while a response is held."""
