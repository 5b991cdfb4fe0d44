"""One answer on its way out of a WSGI app: an iterable in, an iterable out; every decision is the core's.

Rules of this file (PEP 3333): nothing is yielded before our ``start_response`` was called; while undecided, further
items are drawn within the same step; once decided, one item goes out for each that comes in; ``close()`` of the app's
iterable is called exactly once. Its twin is ``asgi_responder.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, TypeAlias

from widgetmw.core import response
from widgetmw.core.body import Body
from widgetmw.core.errors import ResolverError, cause
from widgetmw.core.headers import with_exact_length, without
from widgetmw.core.identity import UNASKED, Environ, Resolver, whose
from widgetmw.core.response import LENGTH, Page
from widgetmw.core.scanner import PENDING, REFUSED
from widgetmw.core.user import User
from widgetmw.core.widget import PAGE_METHODS, Widget, has_mark

StartResponse: TypeAlias = Callable[..., Callable[[bytes], Any]]
Headers: TypeAlias = list[tuple[str, str]]

PLACED = "widgetmw.placed"  # key of the environ of a page whose template says where our span goes
PURPOSES = frozenset({"HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_MOZ"})  # say that it is loaded ahead of a click
_FRAMES = frozenset({"iframe", "frame", "embed", "object", "fencedframe"})


def decoded(text: str) -> str:
    """Reads a path of the environ, whose bytes came as if they were Latin-1."""
    return text if text.isascii() else text.encode("latin-1", "replace").decode("utf-8", "replace")


class EnvironFacts:
    """What the environ says that bears on its page."""

    __slots__ = ("_environ", "ahead", "framed", "mount")

    def __init__(self, environ: Environ, mount: str) -> None:
        self._environ = environ
        self.mount = mount
        get = environ.get
        self.framed = get("HTTP_SEC_FETCH_SITE") == "cross-site" and get("HTTP_SEC_FETCH_DEST") in _FRAMES
        self.ahead = not PURPOSES.isdisjoint(environ) and _ahead(environ)

    @property
    def marked(self) -> bool:
        return has_mark(self._environ.get("HTTP_COOKIE", ""))

    @property
    def origin(self) -> str | None:
        host = self._environ.get("HTTP_HOST")
        return f"{self._environ['wsgi.url_scheme']}://{host}" if host else None


def _ahead(environ: Environ) -> bool:
    return any(environ.get(name, "").lower().startswith("prefetch") for name in PURPOSES)


class Responder:
    """One request's answer on its way out.

    Args:
        widget: what decides.
        environ: of the request.
        mark: of the request: see :func:`widgetmw.core.identity.claim`.
        mount: path the app is mounted under; apps that dispatch change it in the environ.
        path: of the request, below the mount.
        start_response: the server's.
        user: finds out who is signed in.
        facts: what the request said as it came, since what a layer further in drops still counts; ``None``: it said
            nothing, and what the environ says when it is asked will do.
        found: what the resolver has said, if it was asked: a user, ``None``, or its error.
    """

    def __init__(
        self,
        widget: Widget,
        environ: Environ,
        mark: list[Any],
        mount: str,
        path: str,
        start_response: StartResponse,
        user: Resolver,
        facts: EnvironFacts | None,
        found: User | ResolverError | None = UNASKED,
    ) -> None:
        self._widget = widget
        self._environ = environ
        self._mark = mark
        self._mount = mount
        self._path = path
        self._start_response = start_response
        self._user = user
        self._facts = facts
        # all of them here, and none in the class: the interpreter is quick where it always finds one in the same place
        self._status = ""
        self._headers: Headers = []
        self._exc_info: Any = None
        self._page: Page | None = None
        self._body: Body | None = None
        self._busy = False  # whether the app's bytes have to come by us
        self._started = False
        self._passed = False  # whether anything of the answer is out of our hands
        self._found = found
        self._write: Callable[[bytes], Any] | None = None

    # what the app calls

    def start(self, status: str, headers: Headers, exc_info: Any = None) -> Callable[[bytes], Any]:
        """The ``start_response`` that the app sees."""
        if self._status:
            if self._passed:
                # the server knows whether headers have gone out, and raises if so
                return (
                    self._start_response(status, headers, exc_info)
                    if exc_info
                    else self._start_response(status, headers)
                )
            if exc_info is None:
                raise AssertionError("start_response called a second time without exc_info")
            self._started, self._body = False, None
        self._status, self._headers, self._exc_info = status, headers, exc_info
        page = self._inspected(status, headers)
        if isinstance(page, str):
            self._page, self._busy = None, False
            return self._leave(page)
        self._page, self._busy = page, True
        self._headers = list(headers)  # what an app does to its list afterwards comes too late everywhere
        return self._head(page) if self._environ["REQUEST_METHOD"] == "HEAD" else self.written

    def written(self, data: bytes) -> None:
        """The ``write`` that the app gets: its bytes come before those of the iterable."""
        for piece in self._taken(data, False):
            assert self._write is not None
            self._passed = True
            self._write(piece)

    # what the server iterates

    def answer(self, chunks: Iterable[bytes]) -> Iterable[bytes]:
        """Returns what goes out for the app's iterable: itself, where nothing is to be done."""
        if not self._busy and self._started:
            self._passed = True
            self.release()
            return chunks
        # a subclass of list may have a close() of its own
        if type(chunks) is list and len(chunks) == 1 and self._busy and not self._started:
            self.release()
            return self._taken(chunks[0], True)
        return Chunks(self, chunks).begun()

    def release(self) -> None:
        """Gives the request back at the end of its answer."""
        self._mark[0] = None

    def step(self, chunks: Iterator[bytes]) -> bytes:
        """Returns the next item to send; raises ``StopIteration`` after the last."""
        for data in chunks:
            if not self._busy:
                self._passed = True
                return data
            out = self._taken(data, False)
            if self._started:
                self._passed = True
                return b"".join(out)
        return self._end()

    def _end(self) -> bytes:
        if not self._busy:
            self.release()
            raise StopIteration
        out = b"".join(self._taken(b"", True))
        self._busy = False
        if not out:
            raise StopIteration
        return out

    def _taken(self, data: bytes, last: bool) -> list[bytes]:
        """Takes a chunk; returns what can go out by now, having called the server's ``start_response``."""
        page = self._page
        if page is None or not self._busy:
            return [data]
        body = self._body
        if body is not None and self._started:
            return [body.passed(data, last)]
        try:
            first, body = body is None, body or self._searching(page)
            place = body.seek(data, last)
            if first and place > 0 and page.usual and body.head_tag:
                self._widget.learn(self._mount, data[:place])
        except Exception as error:
            return self._left(self._failure(error), data if body is None else body.untouched())
        if place == PENDING:
            return []
        return (
            self._left(body.reason or "failed", body.untouched())
            if place == REFUSED
            else self._decided(page, body, last)
        )

    def _searching(self, page: Page) -> Body:
        place = partial(self._widget.place, mount=self._mount)
        self._body = body = Body(page.charset, page.coding, PLACED in self._environ, place)
        return body

    def _left(self, reason: str, data: bytes) -> list[bytes]:
        self._busy = False
        self._leave(reason)
        return [data]

    def _decided(self, page: Page, body: Body, last: bool) -> list[bytes]:
        dressed = self._dressed(page)
        if isinstance(dressed, str):
            return self._left(dressed, body.untouched())
        headers, span = dressed
        out = body.opened(span, last)
        if not page.coding:
            self._busy = False
        elif last:
            headers = with_exact_length(headers, len(out))
            self._busy = False
        else:
            headers = without(headers, LENGTH)
        self._out(headers)
        return [out]

    # decisions

    def _inspected(self, status: str, headers: Headers) -> Page | str:
        if self._environ["REQUEST_METHOD"] not in PAGE_METHODS:
            return "method"
        try:
            page = response.inspect(200 if status == "200 OK" else int(status[:3]), headers)
        except Exception as error:
            return self._failure(error)
        if isinstance(page, Page) and self._widget.excluded(decoded(self._path)):
            return "excluded"
        return page

    def _head(self, page: Page) -> Callable[[bytes], Any]:
        self._busy = False
        dressed = self._dressed(page)
        if isinstance(dressed, str):
            return self._leave(dressed)
        # how long the page would be is known only once it is made
        return self._out(without(dressed[0], LENGTH))

    def _dressed(self, page: Page) -> tuple[Headers, bytes] | str:
        widget = self._widget
        try:
            facts = self._facts or EnvironFacts(self._environ, self._mount)
            reason = widget.forbids(facts, page)
            if reason is not None:
                return reason
            return widget.dress(facts, page, self._headers, self._whose() if widget.asks_user else None)
        except Exception as error:
            return self._failure(error)

    def _whose(self) -> User | None:
        if isinstance(self._found, ResolverError):
            raise ResolverError(str(self._found))
        return whose(self._environ, self._user) if self._found is UNASKED else self._found

    def _failure(self, error: Exception) -> str:
        code, why = ("resolver_failed", str(error)) if isinstance(error, ResolverError) else ("failed", cause(error))
        self._widget.events.say("page", code, why)
        return code

    def _out(self, headers: Headers) -> Callable[[bytes], Any]:
        self._widget.injected()
        if self._widget.settings.debug:
            headers.append(("X-Widgetmw", "injected"))
        return self._begin(headers)

    def _leave(self, reason: str) -> Callable[[bytes], Any]:
        self._widget.skip(reason)
        headers = self._headers
        if self._widget.settings.debug:
            headers = [*headers, ("X-Widgetmw", f"skipped; reason={reason}")]
        return self._begin(headers)

    def _begin(self, headers: Headers) -> Callable[[bytes], Any]:
        self._started = True
        if self._exc_info:
            self._write = write = self._start_response(self._status, headers, self._exc_info)
        else:
            self._write = write = self._start_response(self._status, headers)
        return write


class Chunks:
    """The iterable that the server gets.

    Args:
        responder: of the answer.
        source: the app's iterable.
        iterator: its iterator, where it was asked for already.
    """

    def __init__(self, responder: Responder, source: Iterable[bytes], iterator: Iterator[bytes] | None = None) -> None:
        self._responder = responder
        self._source = source
        self._chunks: Iterator[bytes] = iter(()) if iterator is None else iterator
        self._new = iterator is None
        self._first: list[bytes] = []

    def begun(self) -> Chunks:
        """Draws as far as the decision needs; returns itself.

        Before the call returns, since there are servers that look at status and headers as soon as it does
        (granian, up to 2.8 at least), and most apps have called ``start_response`` by then.
        """
        try:
            if self._new:
                self._chunks = iter(self._source)
            self._first = [self._responder.step(self._chunks)]
        except StopIteration:
            pass
        except BaseException:
            self.close()  # the server never sees this iterable, and cannot
            raise
        return self

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return self._first.pop() if self._first else self._responder.step(self._chunks)

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
