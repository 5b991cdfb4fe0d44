"""One response of an ASGI app: messages in, messages out. Every decision is made by the core.

Rules of this file:

* Nothing is held longer than the decision needs. Once it is made, the app's messages pass as they are.
* Only our own code is inside ``try``: errors of the app and the server propagate.
* No local variable of a frame that calls the app or the server holds a token: error reporters record those variables.
* Functions that take a message are plain functions that return the awaitable of ``send``: another coroutine would cost
  time for every message.

The WSGI counterpart is ``wsgi/responder.py``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from functools import partial
from time import perf_counter
from typing import Any, Final

from asgiref.sync import markcoroutinefunction

from widgetmw.asgi.request import FILE_MESSAGES, Headers, Message, PageRequest, Scope, Send, final_root_path
from widgetmw.core.debug_headers import debug_headers
from widgetmw.core.engine import Engine
from widgetmw.core.html.body_rewriter import BodyRewriter
from widgetmw.core.html.head_scanner import NO_OFFSET, PENDING
from widgetmw.core.http.page import CONTENT_LENGTH, Page
from widgetmw.core.http.request_headers import PAGE_METHODS
from widgetmw.core.http.response_headers import with_exact_length, without
from widgetmw.core.identity.request_identity import IDENTITY_KEY
from widgetmw.core.identity.resolvers import AsyncResolver
from widgetmw.core.identity.user import User
from widgetmw.core.reasons import SkipReason

_NO_HEADERS: Final[Headers] = []


class Responder(PageRequest):
    """Handles the response to one request. It inherits from ``PageRequest`` to save one object per request.

    Attributes:
        is_undecided: whether the start of the response is still held back, because the decision is pending.
    """

    __slots__ = (
        "_body",
        "_engine",
        "_handler",
        "_held",
        "_page",
        "_resolver",
        "_send",
        "_start",
        "_started",
        "is_undecided",
    )

    is_undecided: bool
    _handler: Send | None  # takes the next message; None until the response starts
    _start: Message
    _page: Page
    _body: BodyRewriter
    _held: list[Message]
    _started: float

    def begin(
        self, engine: Engine, scope: Scope, root_path: str, path: str, send: Send, resolver: AsyncResolver
    ) -> None:
        """Initializes the object. Not ``__init__``, because CPython 3.11 calls that through C, which is slower.

        The headers of the scope are a list; the path is below the root path.
        """
        self._engine, self._scope, self.root_path, self.path = engine, scope, root_path, path
        self._send, self._resolver = send, resolver
        self.is_undecided = False
        self._handler = None

    @markcoroutinefunction  # or bridges such as asgiref's WsgiToAsgi would warn about it
    def send(self, message: Message) -> Awaitable[None]:
        """Takes a message of the app."""
        handler = self._handler
        if handler is not None:
            return handler(message)
        if message["type"] != "http.response.start":
            return self._send(message)  # early hints and their like come before the response
        engine, method = self._engine, self._scope["method"]
        page: Page | SkipReason
        try:
            headers = message["headers"] if "headers" in message else _NO_HEADERS  # noqa: SIM401  saves a call
            if headers.__class__ is not list:
                message = {**message, "headers": (headers := list(headers))}  # it may be readable only once
            page = engine.page_from_bytes(message["status"], headers) if method in PAGE_METHODS else SkipReason.METHOD
        except Exception as error:
            page = self._failure(error)
        if engine.has_excludes and page is not SkipReason.NOT_HTML and engine.is_excluded(self.path):
            page = SkipReason.EXCLUDED
        if type(page) is SkipReason:
            return self._skip(message, page)
        self._page, self._handler, self._held, self.is_undecided = page, self._on_body, [], True
        self._start = start = {**message}
        start["headers"] = headers.copy()  # a copy: as on a server, later changes to the app's list have no effect
        return self._decide() if method == "HEAD" else nothing()

    def _skip(self, start: Message, reason: SkipReason) -> Awaitable[None]:
        """Sends the start of a response that is not modified."""
        self._handler = send = self._send
        return send(self._record(start, reason))

    def _record(self, start: Message, reason: SkipReason | None) -> Message:
        """Records what became of a response; returns its start. The reason is ``None`` if it carries the script."""
        engine = self._engine
        engine.record(self, reason)
        if not engine.debug:
            return start
        ours = debug_headers(reason, getattr(self, "_started", None))
        encoded = ((name.lower().encode(), value.encode()) for name, value in ours)
        return {**start, "headers": [*(start.get("headers") or ()), *encoded]}

    # while undecided

    def _on_body(self, message: Message) -> Awaitable[None]:
        """Takes the first message after the start."""
        if message["type"] != "http.response.body":
            return self._on_other(message)
        page, data, offset = self._page, message.get("body", b""), PENDING
        try:
            if page.charset_declared and not page.coding and data.__class__ is bytes:
                offset = self._engine.known_prefixes.insertion_offset(self.root_path, data)
            if offset == PENDING:
                self._body = BodyRewriter(page.charset_declared, page.coding)
                self._handler = self._search
                return self._search(message)
        except Exception as error:
            return self._pass_through(self._failure(error), message)
        return self._decide(message, offset)

    def _on_other(self, message: Message) -> Awaitable[None]:
        """Takes a message without bytes of the body: one that lets the server send a file, or one to hold."""
        if message["type"] in FILE_MESSAGES:
            return self._pass_through(SkipReason.FILE_SENT, message)
        return self._hold(message)

    def _hold(self, message: Message) -> Awaitable[None]:
        """Keeps a copy of a message until the decision is made: the app may use its dict and its buffer again."""
        copy = {**message}
        if isinstance(copy.get("body"), bytearray | memoryview):
            copy["body"] = bytes(copy["body"])
        self._held.append(copy)
        return nothing()

    def _search(self, message: Message) -> Awaitable[None]:
        """Looks for the insertion offset where ``known_prefixes`` cannot find it.

        The page is compressed, does not declare its charset in the headers, or has an unusual start.
        """
        if message["type"] != "http.response.body":
            return self._on_other(message)
        body, data, more_body = self._body, message.get("body", b""), message.get("more_body", False)
        if not data and more_body:
            return nothing()  # an empty chunk is dropped: an app may send any number of them, and each would be held
        try:
            data = bytes(data)
            offset = body.find_offset(data, not more_body)
            if body.can_be_remembered:
                self._engine.known_prefixes.remember(self.root_path, data, offset)
        except Exception as error:
            return self._pass_through(self._failure(error), message)
        if offset == PENDING:
            return self._hold(message)
        if offset == NO_OFFSET:
            return self._pass_through(body.reason or SkipReason.INTERNAL_ERROR, message)
        return self._decide(message)

    # the decision

    def _decide(self, message: Message | None = None, offset: int = PENDING) -> Awaitable[None]:
        """Resolves the user, unless nobody could get a token, then continues with the message, the last one so far.

        The message is ``None`` for HEAD. The offset is where the script goes in it; ``PENDING`` if ``_body`` knows.
        """
        engine, page, scope = self._engine, self._page, self._scope
        result: SkipReason | None = None
        if engine.debug:
            self._started = perf_counter()
        try:
            if scope[IDENTITY_KEY].root_path or scope.get("root_path"):
                self.root_path = final_root_path(scope, self.root_path, self.path)
            if page.no_token_reason is not None or self.in_cross_site_frame:
                result = engine.early_skip_reason(self, page)
            if result is None:
                user = engine.resolve_user_maybe_async(scope, self._resolver) if engine.is_inline_delivery else None
                if user is not None and user.__class__ is not User and not isinstance(user, User):
                    return self._wait(user, message, offset)  # neither a User nor of a subclass: an awaitable
                if user is not None and engine.endpoint_check.remaining:
                    checked = engine.endpoint_check.run(scope, self._resolver)
                    if checked is not None:  # a resolver may be async in some cases only
                        return self._wait(_after(checked, user), message, offset)
                result = engine.prepare_page(self, page, self._start["headers"], user)
        except Exception as error:
            result = self._failure(error)
        return self._inject(message, offset) if result is None else self._pass_through(result, message)

    def _wait(self, user: Awaitable[Any], message: Message | None, offset: int) -> Awaitable[None]:
        """Waits for the user, and holds what the app sends meanwhile."""
        held, self._held, self._handler = self._held, [], self._hold
        return self._decide_later(user, message, offset, held)

    async def _decide_later(
        self, awaitable: Awaitable[Any], message: Message | None, offset: int, held: list[Message]
    ) -> None:
        result: SkipReason | None
        try:
            user = await awaitable
            check = self._engine.endpoint_check
            if user is not None and check.remaining and (checked := check.run(self._scope, self._resolver)) is not None:
                await checked
            result = self._decide_for(user)
        except Exception as error:
            result = self._failure(error)
        except BaseException:
            # The task was cancelled. An app that catches this may send more, or return: the next message, or close(),
            # sends everything that is held, unmodified.
            self._held = [*held, *(() if message is None else (message,)), *self._held]
            self._handler = partial(self._pass_through, SkipReason.INCOMPLETE)
            raise
        later, self._held = self._held, held
        await (self._inject(message, offset) if result is None else self._pass_through(result, message))
        for each in later:
            await self.send(each)

    def _decide_for(self, user: User | None) -> SkipReason | None:
        """Decides once an awaited user is known; returns the reason to skip the page."""
        return self._engine.prepare_page(self, self._page, self._start["headers"], user)

    def _failure(self, error: Exception) -> SkipReason:
        return self._engine.page_failure(error)

    # once decided

    def _inject(self, message: Message | None, offset: int) -> Awaitable[None]:
        """Sends what is held with the headers and the script that ``Engine.prepare_page`` has prepared.

        The app's messages keep their order.
        """
        page = self._page
        self._start["headers"] = page.headers
        start = self._record(self._start, None)
        if message is None or offset < 0:
            return self._inject_searched(start, message)
        data = message["body"]
        message = {**message}
        message["body"] = b"".join((data[:offset], page.script, memoryview(data)[offset:]))  # copied once
        if self._held:
            return self._release(start, message)
        self._handler = send = self._send
        self.is_undecided = False
        return send_all(map(send, (start, message)))

    def _inject_searched(self, start: Message, message: Message | None) -> Awaitable[None]:
        """Sends the chunks that were searched as one message with the script. For HEAD, sends only the start."""
        page, headers = self._page, start["headers"]
        if message is None:
            start["headers"] = without(headers, CONTENT_LENGTH)  # the length is known only once the page is made
            return self._release(start, None)
        body = self._body
        last = not message.get("more_body", False)
        message = {**message, "body": body.insert(page.script, last)}
        if page.coding:
            exact = last and with_exact_length(headers, len(message["body"]))
            start["headers"] = exact or without(headers, CONTENT_LENGTH)
        self._held = [each for each in self._held if each["type"] != "http.response.body"]
        sent = self._release(start, message)
        if page.coding and not last:
            self._handler = self._reencode
        return sent

    def _reencode(self, message: Message) -> Awaitable[None]:
        """Takes a message after the script in a compressed page."""
        if message["type"] != "http.response.body":
            return self._send(message)
        last = not message.get("more_body", False)
        return self._send({**message, "body": self._body.rewrite(bytes(message.get("body", b"")), last)})

    def _pass_through(self, reason: SkipReason, message: Message | None = None) -> Awaitable[None]:
        """Sends what is held, and the message, as they came."""
        return self._release(self._record(self._start, reason), message)

    def _release(self, start: Message, message: Message | None) -> Awaitable[None]:
        self._handler = send = self._send
        self.is_undecided = False
        messages = [start, *self._held] if message is None else [start, *self._held, message]
        return send_all(map(send, messages))

    async def close(self) -> None:
        """Sends what is held, if the app has returned without finishing the response."""
        await self._pass_through(SkipReason.INCOMPLETE)


async def _after(checked: Awaitable[None], user: Any) -> Any:
    """Returns the user once the check of the endpoint is done."""
    await checked
    return user


async def send_all(sends: Iterator[Awaitable[None]]) -> None:
    """Sends messages in order. A ``map`` of ``send`` keeps them out of the local variables here."""
    for each in sends:
        await each


async def nothing() -> None:
    """A no-op awaitable, returned while the response is held."""
