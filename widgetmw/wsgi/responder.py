"""One response of a WSGI app: an iterable in, an iterable out. Every decision is made by the core.

Rules of this file (PEP 3333):

* Nothing is yielded before our ``start_response`` was called.
* While undecided, further items are read from the app within the same step. Once decided, one item goes out for each
  that comes in.
* ``close()`` of the app's iterable is called exactly once.
* No local variable of a frame that calls the app or the server holds a token: error reporters record those variables.

The ASGI counterpart is ``asgi/responder.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from time import perf_counter
from typing import Any, Final

from widgetmw.core.debug_headers import debug_headers
from widgetmw.core.engine import Engine
from widgetmw.core.errors import ResolverError
from widgetmw.core.html.body_rewriter import BodyRewriter
from widgetmw.core.html.head_scanner import NO_OFFSET, PENDING
from widgetmw.core.html.marker_scanner import new_marker
from widgetmw.core.http.mark import MARK_PREFIX
from widgetmw.core.http.page import CONTENT_LENGTH, Page
from widgetmw.core.http.request_headers import PAGE_METHODS
from widgetmw.core.http.response_headers import with_exact_length, without
from widgetmw.core.identity.request_identity import RequestIdentity, is_owner
from widgetmw.core.identity.resolvers import Environ, Resolver
from widgetmw.core.reasons import SkipReason
from widgetmw.wsgi.request import (
    Headers,
    PageRequest,
    StartResponse,
    decode_path,
    final_root_path,
    restore_codings,
)

MARKER: Final = "widgetmw.marker"
"""Key in the environ of a page whose template says where the script goes: the marker that it emits."""

# The stages of a response, in their order.
_NEW: Final = 0  # the app has not started it
_HELD: Final = 1  # its start is held, until the decision is made
_STARTED: Final = 2  # the server's start_response was called
_SENT: Final = 3  # the first item was sent


class Responder(PageRequest):
    """Handles the response to one request. It inherits from ``PageRequest`` to save one object per request."""

    __slots__ = (
        "_body",
        "_engine",
        "_exc_info",
        "_headers",
        "_identity",
        "_page",
        "_resolver",
        "_stage",
        "_start_response",
        "_started",
        "_status",
        "_write",
    )

    _body: BodyRewriter | None
    _started: float

    def begin(
        self,
        engine: Engine,
        environ: Environ,
        identity: RequestIdentity,
        root_path: str,
        path: str,
        start_response: StartResponse,
        resolver: Resolver,
    ) -> None:
        """Initializes the object. Not ``__init__``, because CPython 3.11 calls that through C, which is slower.

        The path is still encoded, as ``PATH_INFO`` is; see :func:`decode_path`. The root path is an argument because an
        app that dispatches to others changes ``SCRIPT_NAME``.
        """
        self._engine, self._environ, self._identity = engine, environ, identity
        self.root_path, self.path = root_path, path
        self._start_response, self._resolver = start_response, resolver
        self._page: Page | None = None  # set while we still look at or rewrite the app's bytes
        self._stage = _NEW

    # what the app calls

    def start_response(self, status: str, headers: Headers, exc_info: Any = None) -> Callable[[bytes], Any]:
        """The ``start_response`` that the app sees."""
        if self._stage != _NEW:
            if self._stage == _SENT:
                # the server knows whether headers have gone out, and raises if so
                return self._start_response(status, headers, *((exc_info,) if exc_info else ()))
            if exc_info is None:
                raise AssertionError("start_response called a second time without exc_info")
            self._page = None
        engine, method = self._engine, self._environ["REQUEST_METHOD"]
        page: Page | SkipReason
        try:
            status_code = 200 if status == "200 OK" else int(status[:3])
            page = engine.page_from_text(status_code, headers) if method in PAGE_METHODS else SkipReason.METHOD
        except Exception as error:
            page = engine.page_failure(error)
        self._status, self._exc_info = status, exc_info
        if engine.has_excludes and page is not SkipReason.NOT_HTML and engine.is_excluded(decode_path(self.path)):
            page = SkipReason.EXCLUDED
        if type(page) is SkipReason:
            return self._start(page, headers)
        self._page, self._body, self._stage = page, None, _HELD
        self._headers = list(headers)  # a copy: as on a server, later changes to the app's list have no effect
        if method != "HEAD":
            return self.write
        self._page = None
        reason = self._decide(page)
        if reason is not None:
            return self._start(reason, self._headers)
        return self._start(None, without(page.headers, CONTENT_LENGTH))  # known only once the page is made

    def write(self, data: bytes) -> None:
        """The ``write()`` that the app gets: its bytes come before those of the iterable."""
        chunks = iter(self._on_body(data, False))
        if self._stage >= _STARTED:
            self._stage = _SENT
            for _ in map(self._write, chunks):  # a map, so that no local variable holds a chunk with a token
                pass

    # what the server iterates

    def respond(self, chunks: Iterable[bytes]) -> Iterable[bytes]:
        """Returns the iterable for the server: the app's own, if there is nothing to do."""
        if self._page is None:
            if self._stage != _NEW:
                self._stage = _SENT
                self._identity.owner = None
                return chunks
        elif chunks.__class__ is list and len(chunks) == 1 and self._stage == _HELD:
            # An exact list has no close() to call, unlike a subclass. The server gets our list instead.
            self._identity.owner = None
            return self._on_body(chunks[0], True)
        return Chunks(self, chunks)

    def iterate(self, source: Iterable[bytes]) -> Iterator[bytes]:
        """Yields what the server sends, given the app's iterable."""
        for data in source:
            if self._page is None:
                self._stage = _SENT
                yield data
                continue
            out = iter(self._on_body(data, False))  # an iterator, so that no local variable holds a chunk with a token
            if self._stage >= _STARTED:
                self._stage = _SENT
                yield b"".join(out)
        if self._page is not None and (last := b"".join(self._on_body(b"", True))):
            self._page = None
            yield last
        self._identity.owner = None

    # while undecided

    def _on_body(self, data: bytes, last: bool) -> list[bytes]:
        """Takes a chunk; returns what can go out by now, after calling the server's ``start_response``."""
        page, offset = self._page, PENDING
        if page is None:
            return [data]
        body = self._body
        if body is not None and self._stage >= _STARTED:
            return [body.rewrite(data, last)]
        try:
            if body is None and page.charset_declared and not page.coding and MARKER not in self._environ:
                offset = self._engine.known_prefixes.insertion_offset(self.root_path, data)
            if offset == PENDING:
                offset = self._search(page, data, last)
        except Exception as error:
            return self._pass_through(self._engine.page_failure(error), data)
        if offset == PENDING:
            return []
        body = self._body
        if body is not None and offset == NO_OFFSET:
            return self._pass_through(body.reason or SkipReason.INTERNAL_ERROR, data)
        reason = self._decide(page)
        if reason is not None:
            return self._pass_through(reason, data)
        if body is not None:
            return self._inject_searched(page, body, last)
        self._page = None
        self._start(None, page.headers)
        return [b"".join((data[:offset], page.script, memoryview(data)[offset:]))]  # copied once

    def _search(self, page: Page, data: bytes, last: bool) -> int:
        """Looks for the insertion offset where ``known_prefixes`` cannot find it.

        The page has a marker, is compressed, does not declare its charset in the headers, or has an unusual start.
        """
        body = self._body
        if body is None:
            self._body = body = BodyRewriter(page.charset_declared, page.coding, self._environ.get(MARKER))
        offset = body.find_offset(data, last)
        if body.can_be_remembered:
            self._engine.known_prefixes.remember(self.root_path, data, offset)
        if body.follows_foreign_base:
            page.note_foreign_base()
        return offset

    def _inject_searched(self, page: Page, body: BodyRewriter, last: bool) -> list[bytes]:
        """Starts the response; returns the chunks that were searched as one, with the script."""
        # The whole page replaces the script there, so that no local variable holds the token.
        page.script = body.insert(page.script, last)
        headers = page.headers
        if last or not page.coding:
            self._page = None
        if page.coding:
            headers = with_exact_length(headers, len(page.script)) if last else without(headers, CONTENT_LENGTH)
        self._start(None, headers)
        return [page.script]

    def _pass_through(self, reason: SkipReason, data: bytes) -> list[bytes]:
        """Leaves a page unmodified; returns everything that the app has sent so far."""
        self._page = None
        self._start(reason, self._headers)
        return [data if self._body is None else self._body.original()]

    # the decision

    def _decide(self, page: Page) -> SkipReason | None:
        """Resolves the user, unless nobody could get a token; returns the reason to skip the page."""
        engine, environ, known = self._engine, self._environ, self._identity.root_path
        if engine.debug:
            self._started = perf_counter()
        try:
            if known or environ.get("SCRIPT_NAME"):
                self.root_path = final_root_path(environ, known, self.root_path, self.path)
            if page.no_token_reason is not None or self.in_cross_site_frame:
                reason = engine.early_skip_reason(self, page)
                if reason is not None:
                    return reason
            user = engine.resolve_user(environ, self._resolver) if engine.is_inline_delivery else None
            if user is not None and engine.endpoint_check.remaining:
                engine.endpoint_check.run(environ, self._resolver)
            return engine.prepare_page(self, page, self._headers, user)
        except Exception as error:
            return self._engine.page_failure(error)

    # once decided

    def _start(self, reason: SkipReason | None, headers: Headers) -> Callable[[bytes], Any]:
        """Starts the response, and records what became of it. The reason is ``None`` if it carries the script."""
        engine, start_response = self._engine, self._start_response
        engine.record(self, reason)
        if engine.debug:
            headers = [*headers, *debug_headers(reason, getattr(self, "_started", None))]
        self._stage = _STARTED
        restore_codings(self._environ)
        status, exc_info = self._status, self._exc_info
        self._exc_info = None  # its frames refer to us
        write = start_response(status, headers, exc_info) if exc_info else start_response(status, headers)
        self._write = write
        return write


class Chunks:
    """The iterable for the server, made of the app's."""

    __slots__ = ("_chunks", "_identity", "_source")

    def __init__(self, responder: Responder, source: Iterable[bytes]) -> None:
        """Reads as far as the decision needs.

        This happens before the middleware returns: some servers (granian, up to 2.8 at least) look at status and
        headers as soon as the middleware has returned. Most apps call ``start_response`` by their first item.
        """
        self._identity, self._source = responder._identity, source
        chunks = responder.iterate(source)
        try:
            self._chunks = chain(tuple(islice(chunks, 1)), chunks)
        except BaseException:
            self.close()  # the server never sees this iterable, so it cannot close it
            raise

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks

    def close(self) -> None:
        """Closes the app's iterable, also when the client has disconnected."""
        source, self._source = self._source, ()
        self._identity.owner = None
        close = getattr(source, "close", None)
        if close is not None:
            close()


def use_marker(engine: Engine, environ: Environ, owner: object, resolver: Resolver | None) -> str:
    """Returns the marker that a template emits where the script goes.

    An empty string if the page has a marker already, or is an anonymous visitor's. Pass no resolver where it must not
    be called yet: then pages of anonymous visitors get a marker too.
    """
    if MARKER in environ or not is_owner(environ, owner):
        return ""
    # An anonymous visitor gets a script too if there is a loader, or a sign-out to check.
    serves_anonymous = engine.settings.embed or MARK_PREFIX in environ.get("HTTP_COOKIE", "")
    if resolver is not None and engine.is_inline_delivery and not serves_anonymous:
        try:  # the result is not kept, since the view may sign the user out once the page is rendered
            if engine.resolve_user(environ, resolver) is None:
                return ""
        except ResolverError:
            pass  # it will be logged once the response is final
    environ[MARKER] = marker = new_marker()
    return marker.decode()
