"""One response on its way out of a WSGI app: an iterable in, an iterable out; every decision is the core's.

Rules of this file (PEP 3333): nothing is yielded before our ``start_response`` was called; while undecided, further
items are drawn within the same step; once decided, one item goes out for each that comes in; ``close()`` of the app's
iterable is called exactly once. Its twin is ``asgi/responder.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

from widgetmw.core.engine import PAGE_METHODS, VALIDATORS, Widget, has_session_cookie
from widgetmw.core.errors import ResolverError, cause
from widgetmw.core.html.body_rewriter import Body
from widgetmw.core.html.head_scanner import PENDING, REFUSED
from widgetmw.core.http.page import LENGTH, Page
from widgetmw.core.http.response_headers import with_exact_length, without
from widgetmw.core.identity.resolvers import Environ, Resolver, environ_name, whose

StartResponse: TypeAlias = Callable[..., Callable[[bytes], Any]]
Headers: TypeAlias = list[tuple[str, str]]

PLACED = "widgetmw.placed"  # key of the environ of a page whose template says where our script goes
CONDITIONAL = frozenset(map(environ_name, VALIDATORS))
_PURPOSES = frozenset({"HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_MOZ"})  # say that it is loaded ahead of a click
_FRAMES = frozenset({"iframe", "frame", "embed", "object", "fencedframe"})
SPECIAL = _PURPOSES | CONDITIONAL  # these, and being cross-site, bear on the page of a request

# how far a response is: no start yet; its start is held; the server's start_response was called; out of our hands
_NEW, _HELD, _STARTED, _PASSED = range(4)


def decoded(text: str) -> str:
    """Reads a path of the environ, whose bytes came as if they were Latin-1."""
    return text if text.isascii() else text.encode("latin-1", "replace").decode("utf-8", "replace")


class EnvironFacts:
    """What an environ says that bears on its page; see :class:`widgetmw.core.engine.Facts`."""

    __slots__ = ("_environ", "in_cross_site_frame", "is_prefetch", "root_path")

    _environ: Environ
    root_path: str
    in_cross_site_frame: bool
    is_prefetch: bool

    def read_request(self) -> None:
        """Reads what only a special request says."""
        get = self._environ.get
        self.in_cross_site_frame = get("HTTP_SEC_FETCH_SITE") == "cross-site" and get("HTTP_SEC_FETCH_DEST") in _FRAMES
        self.is_prefetch = any(get(name, "").lower().startswith("prefetch") for name in _PURPOSES)

    def has_session_cookie(self) -> bool:
        return has_session_cookie(self._environ.get("HTTP_COOKIE", ""))

    @property
    def origin(self) -> str | None:
        host = self._environ.get("HTTP_HOST")
        return f"{self._environ['wsgi.url_scheme']}://{host}" if host else None


def read_facts(environ: Environ, root_path: str) -> EnvironFacts:
    """Returns what a request says."""
    facts = EnvironFacts()
    facts._environ, facts.root_path = environ, root_path
    facts.read_request()
    return facts


class Responder(EnvironFacts):
    """One request's response on its way out."""

    __slots__ = (
        "_body",
        "_exc_info",
        "_headers",
        "_mark",
        "_page",
        "_path",
        "_stage",
        "_start_response",
        "_status",
        "_user",
        "_widget",
        "_write",
    )

    def begin(
        self,
        widget: Widget,
        environ: Environ,
        mark: list[Any],
        root_path: str,
        path: str,
        start_response: StartResponse,
        user: Resolver,
    ) -> None:
        """Takes what an initializer would: CPython 3.11 calls one through C, which costs more than all that it does.

        Args:
            widget: what decides.
            environ: of the request.
            mark: of the request: see :func:`widgetmw.core.identity.resolvers.claim`.
            root_path: path the app is mounted under; apps that dispatch change it in the environ.
            path: of the request, below that, as the environ has it.
            start_response: the server's.
            user: finds out who is signed in.
        """
        self._widget = widget
        self._environ = environ
        self._mark = mark
        self.root_path = root_path
        self._path = path
        self._start_response = start_response
        self._user = user
        self.in_cross_site_frame = self.is_prefetch = False
        self._page: Page | None = None  # while the app's bytes have to come by us
        self._stage = _NEW

    # what the app calls

    def start_response(self, status: str, headers: Headers, exc_info: Any = None) -> Callable[[bytes], Any]:
        """The ``start_response`` that the app sees."""
        if self._stage:
            if self._stage == _PASSED:
                # the server knows whether headers have gone out, and raises if so
                given = (exc_info,) if exc_info else ()
                return self._start_response(status, headers, *given)
            if exc_info is None:
                raise AssertionError("start_response called a second time without exc_info")
            self._page = None
        widget, method = self._widget, self._environ["REQUEST_METHOD"]
        page: Page | str
        try:
            code = 200 if status == "200 OK" else int(status[:3])
            page = widget.page_from_text(code, headers) if method in PAGE_METHODS else "method"
        except Exception as error:
            page = self._failure(error)
        if page.__class__ is str:
            return self._start(page, status, headers, exc_info)
        if widget.has_excludes and widget.is_excluded(decoded(self._path)):
            return self._start("excluded", status, headers, exc_info)
        self._page, self._body, self._stage = page, None, _HELD
        self._status, self._exc_info = status, exc_info
        self._headers = list(headers)  # what an app does to its list afterwards comes too late everywhere
        return self._on_head(page) if method == "HEAD" else self.write

    def write(self, data: bytes) -> None:
        """The ``write`` that the app gets: its bytes come before those of the iterable."""
        for piece in self._on_body(data, False):
            self._stage = _PASSED
            self._write(piece)

    # what the server iterates

    def respond(self, chunks: Iterable[bytes]) -> Iterable[bytes]:
        """Returns what goes out for the app's iterable: itself, where nothing is to be done."""
        if self._page is None:
            if self._stage:
                self._stage = _PASSED
                self._mark[0] = None
                return chunks
        # a subclass of list may have a close() of its own
        elif chunks.__class__ is list and len(chunks) == 1 and self._stage == _HELD:
            self._mark[0] = None
            return self._on_body(chunks[0], True)
        return Chunks(self, chunks).begun()

    def release(self) -> None:
        """Gives the request back at the end of its response."""
        self._mark[0] = None

    def step(self, chunks: Iterator[bytes]) -> bytes:
        """Returns the next item to send; raises ``StopIteration`` after the last."""
        for data in chunks:
            if self._page is None:
                self._stage = _PASSED
                return data
            out = self._on_body(data, False)
            if self._stage >= _STARTED:
                self._stage = _PASSED
                return b"".join(out)
        if self._page is not None and (out := b"".join(self._on_body(b"", True))):
            self._page = None
            return out
        self.release()
        raise StopIteration

    # decisions

    def _on_body(self, data: bytes, last: bool) -> list[bytes]:
        """Takes a chunk; returns what can go out by now, having called the server's ``start_response``."""
        page, offset = self._page, PENDING
        if page is None:
            return [data]
        try:
            if self._body is None:
                if page.charset_declared and not page.coding and PLACED not in self._environ:
                    offset = self._widget.insertion_offset(self.root_path, data)
                if offset == PENDING:
                    self._body = Body(page.charset_declared, page.coding, PLACED in self._environ)
                    return self._search(page, data, last, True)
            elif self._stage >= _STARTED:
                return [self._body.passed(data, last)]
            else:
                return self._search(page, data, last, False)
        except Exception as error:
            return self._leave(self._failure(error), data)
        result = self._decide(page)
        self._page = None
        if result.__class__ is str:
            self._start_held(result, self._headers)
            return [data]
        headers, script = result
        self._start_held("injected", headers)
        return [b"".join((data[:offset], script, memoryview(data)[offset:]))]  # it is copied once

    def _search(self, page: Page, data: bytes, last: bool, first: bool) -> list[bytes]:
        """Looks for the place of the script in a page that does not begin as most do, or is compressed."""
        body = self._body
        offset = body.seek(data, last)
        if offset == PENDING:
            return []
        if offset == REFUSED:
            return self._leave(body.reason or "failed", data)
        if first and body.head_tag and page.charset_declared and page.special is None:
            self._widget.remember_prefix(self.root_path, data[:offset])
        result = self._decide(page)
        if isinstance(result, str):
            return self._leave(result, data)
        headers, script = result
        out = body.opened(script, last)
        if last or not page.coding:
            self._page = None
        if page.coding:
            headers = with_exact_length(headers, len(out)) if last else without(headers, LENGTH)
        self._start_held("injected", headers)
        return [out]

    def _leave(self, reason: str, data: bytes) -> list[bytes]:
        """Leaves a page alone that was searched; returns all that the app has sent so far."""
        self._page = None
        self._start_held(reason, self._headers)
        return [data if self._body is None else self._body.untouched()]

    def _on_head(self, page: Page) -> Callable[[bytes], Any]:
        self._page = None
        result = self._decide(page)
        if isinstance(result, str):
            return self._start_held(result, self._headers)
        # how long the page would be is known only once it is made
        return self._start_held("injected", without(result[0], LENGTH))

    def _decide(self, page: Page) -> tuple[Headers, bytes] | str:
        """Asks whose the page is, where that matters."""
        widget, reason = self._widget, None
        try:
            if page.refusal is not None or self.in_cross_site_frame:
                reason = widget.refusal_reason(self, page)
            if reason is not None:
                return reason
            user = whose(self._environ, self._user) if widget.asks_user else None
            return widget.inject(self, page, self._headers, user)
        except Exception as error:
            return self._failure(error)

    def _start_held(self, outcome: str, headers: Headers) -> Callable[[bytes], Any]:
        self._write = write = self._start(outcome, self._status, headers, self._exc_info)
        return write

    def _start(self, outcome: str, status: str, headers: Headers, exc_info: Any) -> Callable[[bytes], Any]:
        """Counts what becomes of the response, and starts it."""
        widget, start_response = self._widget, self._start_response
        widget.outcomes[outcome] += 1
        if widget.debug:
            note = outcome if outcome == "injected" else f"skipped; reason={outcome}"
            headers = [*headers, ("X-Widgetmw", note)]
        self._stage = _STARTED
        return start_response(status, headers, exc_info) if exc_info else start_response(status, headers)

    def _failure(self, error: Exception) -> str:
        code, why = ("resolver_failed", str(error)) if isinstance(error, ResolverError) else ("failed", cause(error))
        self._widget.events.say("page", code, why)
        return code


class Chunks:
    """The iterable that the server gets.

    Args:
        responder: of the response.
        source: the app's iterable.
    """

    __slots__ = ("_first", "_iterator", "_responder", "_source")

    def __init__(self, responder: Responder, source: Iterable[bytes]) -> None:
        self._responder = responder
        self._source = source
        self._iterator: Iterator[bytes] = iter(())
        self._first: bytes | None = None

    def begun(self) -> Chunks:
        """Draws as far as the decision needs; returns itself.

        Before the call returns, since there are servers that look at status and headers as soon as it does
        (granian, up to 2.8 at least), and most apps have called ``start_response`` by then.
        """
        try:
            self._iterator = iter(self._source)
            self._first = self._responder.step(self._iterator)
        except StopIteration:
            pass
        except BaseException:
            self.close()  # the server never sees this iterable, and cannot
            raise
        return self

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        first, responder = self._first, self._responder
        if first is not None:
            self._first = None
            return first
        if responder._page is not None or not responder._stage:
            return responder.step(self._iterator)
        for data in self._iterator:
            return data
        responder.release()
        raise StopIteration

    def close(self) -> None:
        """Closes the app's iterable, also when the client has gone away."""
        source, self._source = self._source, ()
        self._responder.release()
        close(source)


def close(source: Iterable[bytes]) -> None:
    """Closes an app's iterable, if it can be."""
    closing = getattr(source, "close", None)
    if closing is not None:
        closing()
