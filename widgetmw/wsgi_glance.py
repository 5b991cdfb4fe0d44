"""A first look at an answer on its way out of a WSGI app: what most need is done at once, all others get a responder.

See ``asgi_glance.py``, its twin, for which those are, and why each request has a plain list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from types import MethodType
from typing import Any, Final, TypeAlias

from widgetmw.core.errors import ResolverError
from widgetmw.core.identity import UNASKED, Environ, Resolver, environ_name, whose
from widgetmw.core.plain_headers import PlainHeaders
from widgetmw.core.response import TYPES
from widgetmw.core.user import User
from widgetmw.core.widget import VALIDATORS, Widget, has_mark
from widgetmw.wsgi_responder import PLACED, PURPOSES, Chunks, Headers, Responder, close, decoded

# What is known of one answer:
#   0  what the app calls from now on in place of start_response, or None: not decided yet
#   1  None; or status and headers of a page as the app gave them, and as they become; or the responder; or, once the
#      page has begun, what the server's start_response has returned
#   2  the server's start_response
#   3  the glance
#   4  a cell with the environ
#   5  the mark of the request: see widgetmw.core.identity.claim
#   6  the path the app is mounted under
Answer: TypeAlias = list[Any]

_END: Final[Any] = object()

_CLOSER: Final = PURPOSES.union(map(environ_name, VALIDATORS))


def special(environ: Environ) -> bool:
    """Whether a request is one for a closer look.

    It is none for a page, or may hold validators, or comes from another site, which may show the page in a frame, or
    says that it is made ahead of a click.
    """
    if environ["REQUEST_METHOD"] != "GET" or environ.get("HTTP_SEC_FETCH_SITE") == "cross-site":
        return True
    return not environ.keys().isdisjoint(_CLOSER)


class Glance:
    """What the first looks at all answers of one middleware have in common.

    Args:
        widget: what decides; a :attr:`~widgetmw.core.widget.Widget.usual` one.
        user: finds out who is signed in.

    Attributes:
        headers: makes those of a page private.
        outcomes: counts what becomes of answers.
    """

    def __init__(self, widget: Widget, user: Resolver) -> None:
        self.widget = widget
        self.user = user
        self.headers = PlainHeaders(widget.settings.cache_control, str)
        self.outcomes = widget.events.tally("page")

    def answer(self, answer: Answer, chunks: Iterable[bytes]) -> Iterable[bytes]:
        """Returns what goes out for what the app has returned: itself, where nothing is to be done."""
        held = answer[1]
        if held.__class__ is tuple:
            # a subclass of list may have a close() of its own
            if chunks.__class__ is not list or len(chunks) != 1:
                return self._begun(answer, chunks)
            data = self._page(answer, chunks[0])
            if data is None:
                return answer[1].answer(chunks)  # type: ignore[no-any-return]
            answer[5][0] = None
            return [data]
        if held is None and answer[0] is not None:
            answer[5][0] = None  # it is nobody's: the same environ may be served again
            return chunks
        return (held or closer(answer)).answer(chunks)

    def _begun(self, answer: Answer, chunks: Iterable[bytes]) -> Iterable[bytes]:
        """Takes the first of several items of a page, or one from an iterable of some other kind."""
        try:
            iterator = iter(chunks)
            first = next(iterator, _END)  # in which the app may have begun another answer
            data = self._page(answer, first) if answer[1].__class__ is tuple else None
        except BaseException:
            close(chunks)  # the server never sees it, and cannot
            raise
        if data is None:
            drawn = iter(()) if first is _END else chain((first,), iterator)
            return Chunks(answer[1], chunks, drawn).begun()
        return _Rest(data, iterator, chunks, answer[5])

    def _page(self, answer: Answer, data: bytes) -> bytes | None:
        """Starts a page whose first item is known; returns what goes out for it, or ``None``: a responder has it."""
        _, (status, headers, private), start_response, _, cell, _, mount = answer
        environ = cell.cell_contents
        found: Any = UNASKED
        dressed = None
        try:
            fit = data.__class__ is bytes and PLACED not in environ
            opening = self.widget.opening(decoded(mount), data) if fit else None
            if opening is not None:
                found = whose(environ, self.user)
                if found.__class__ is User:
                    dressed = self.widget.plain(private, opening, data, found)
                elif found is None and not has_mark(environ.get("HTTP_COOKIE", "")):  # it asks for one that cleans up
                    dressed = headers, data
        except ResolverError as error:
            found = ResolverError(str(error))  # whose traceback does not hold the request
        except Exception:
            dressed = None  # a responder will meet the same, and say it
        if dressed is None:
            closer(answer, found)
            return None
        self.outcomes["nobody" if found is None else "injected"] += 1
        answer[0] = start_response
        answer[1] = start_response(status, dressed[0]) or _END  # there are servers that return no write
        return dressed[1]


def started(answer: Answer, status: str, headers: Headers, exc_info: Any = None) -> Callable[[bytes], Any]:
    """The ``start_response`` that the app sees."""
    if answer[0] is not None or answer[1] is not None or exc_info is not None:
        return _again(answer, status, headers, exc_info)
    kind = private = None
    try:
        if headers.__class__ is list:
            for name, value in headers:
                if name == "Content-Type":
                    kind = TYPES.get(value)
                    break
            if kind is True and status[:3] == "200":
                private = answer[3].headers.private(headers)
    except Exception:
        kind = None  # a responder will meet the same, and say it
    if kind.__class__ is str:  # most answers are no pages, and this is enough to know
        answer[3].outcomes[kind] += 1
        answer[0] = start_response = answer[2]
        return start_response(status, headers)  # type: ignore[no-any-return]
    if private is None:
        return closer(answer).start(status, headers)
    # what an app does to its list afterwards comes too late everywhere
    answer[1] = status, headers.copy(), private
    return MethodType(_write, answer)


def _again(answer: Answer, status: str, headers: Headers, exc_info: Any) -> Callable[[bytes], Any]:
    through, begun, mark = answer[0], answer[1], answer[5]
    if through is answer[2] and begun is None and mark[0] is not None:  # passed on, and the app has not returned
        if exc_info is None:
            raise AssertionError("start_response called a second time without exc_info")
        through = None
    if through is None:
        through = closer(answer).start  # an error page may take the place of what is held or has been passed on
    # the server knows whether headers have gone out, and raises if so
    return through(status, headers, exc_info) if exc_info else through(status, headers)  # type: ignore[no-any-return]


def _write(answer: Answer, data: bytes) -> None:
    begun = closer(answer) if answer[1].__class__ is tuple else answer[1]
    if isinstance(begun, Responder):
        begun.written(data)
    else:
        begun(data)


def closer(answer: Answer, found: Any = UNASKED) -> Responder:
    """Leaves an answer to a responder.

    Args:
        answer: what is known of it.
        found: what the resolver has said, if it was asked.
    """
    _, held, start_response, glance, cell, mark, mount = answer
    widget, user, environ = glance.widget, glance.user, cell.cell_contents
    # of the path only one thing matters: that it is not to be left alone, which was seen before
    responder = Responder(widget, environ, mark, decoded(mount), "", start_response, user, None, found)
    answer[0], answer[1] = responder.start, responder
    if held is not None:
        status, headers, _ = held
        responder.start(status, headers)
    return responder


class _Rest:
    """A page whose first item is ready, and the app's further ones."""

    def __init__(self, first: bytes, iterator: Iterator[bytes], source: Iterable[bytes], mark: list[Any]) -> None:
        self._first: bytes | None = first
        self._iterator = iterator
        self._source = source
        self._mark = mark

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        first = self._first
        if first is not None:
            self._first = None
            return first
        for data in self._iterator:
            return data
        self._mark[0] = None  # it is nobody's: the same environ may be served again
        raise StopIteration

    def close(self) -> None:
        """Closes the app's iterable, also when the client has gone away."""
        source, self._source = self._source, ()
        self._mark[0] = None
        close(source)
