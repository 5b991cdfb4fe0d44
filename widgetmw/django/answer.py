"""A Django response on its way out: judged, searched for the place, dressed.

Only our own work is guarded: an error of the app's stream, which is drawn here as far as finding the place needs, is
not ours to hide.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from functools import partial
from itertools import chain
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch

from widgetmw.core.engine import PAGE_METHODS, Facts, Widget
from widgetmw.core.errors import ResolverError, cause
from widgetmw.core.html.body_rewriter import Body
from widgetmw.core.html.head_scanner import PENDING, REFUSED
from widgetmw.core.http.page import LENGTH, Page
from widgetmw.core.http.response_headers import with_exact_length, without
from widgetmw.core.identity.user import User
from widgetmw.django.request import PLACED, facts

Headers = list[tuple[str, str]]


class Answer:
    """One response on its way out.

    Ask :meth:`starts`; then :meth:`search` or :meth:`search_async`; then, for the user, :meth:`finish`, or
    :meth:`unresolved`. Where one of them says no, the response has been left alone.
    """

    def __init__(self, widget: Widget, request: HttpRequest, response: Any) -> None:
        self._widget = widget
        self._request = request
        self._response = response
        self._page: Page | None = None
        self._facts: Facts | None = None
        self._body: Body | None = None
        self._place = PENDING
        self._rest: Any = ()
        self._ended = False

    # whether it is a page

    def starts(self) -> bool:
        """Whether request and headers allow it, before anything of the body is looked at."""
        try:
            reason = self._forbidden()
        except NoReverseMatch:
            self._widget.events.once("page", "failed", "urls.py does not include widgetmw.django.urls")
            reason = "failed"
        except Exception as error:
            reason = self._fault(error)
        return self._leave(reason) if reason else True

    def _forbidden(self) -> str | None:
        if self._request.method not in PAGE_METHODS:
            return "method"
        page = self._widget.page_from_text(self._response.status_code, list(self._response.items()))
        if isinstance(page, str):
            return page
        if self._widget.is_excluded(self._request.path_info):
            return "excluded"
        self._page, self._facts = page, facts(self._request)
        return self._widget.refusal_reason(self._facts, page)

    # where the place is

    @property
    def _bodiless(self) -> bool:
        # Django's views answer HEAD as GET and the server drops the body; a stream is not worth drawing for that
        return self._request.method == "HEAD" and (self._response.streaming or not self._response.content)

    def search(self) -> bool:
        """Looks for the place; draws what it must of a stream."""
        if self._bodiless:
            return True
        self._ended = not self._response.streaming
        self._rest = iter((self._response.content,) if self._ended else self._response)
        for data in self._rest:
            if self._seek(data) != PENDING:
                break
        return self._found()

    async def search_async(self) -> bool:
        """As :meth:`search`, of an asynchronous stream."""
        if self._bodiless:
            return True
        self._rest = aiter(self._response.streaming_content)
        async for data in self._rest:
            if self._seek(data) != PENDING:
                break
        return self._found()

    def _seek(self, data: bytes) -> int:
        page = self._page
        assert page is not None
        if self._body is None:
            offset = partial(self._widget.insertion_offset, "")
            self._body = Body(page.charset_declared, page.coding, PLACED in self._request.META, offset)
        try:
            self._place = self._body.seek(data, self._ended)
        except Exception as error:
            self._body.reason = self._fault(error)
            self._place = REFUSED
        return self._place

    def _found(self) -> bool:
        if self._place == PENDING:
            self._ended = True
            self._seek(b"")
        assert self._body is not None
        return self._leave(self._body.reason or "failed") if self._place == REFUSED else True

    # what becomes of it

    def finish(self, user: User | None) -> bool:
        """Puts the span in and sets the headers, where the user is to have one."""
        assert self._page is not None
        assert self._facts is not None
        before = list(self._response.items())
        try:
            dressed = self._widget.inject(self._facts, self._page, before, user)
        except Exception as error:
            dressed = self._fault(error)
        if isinstance(dressed, str):
            return self._leave(dressed)
        headers, span = dressed
        headers = self._filled(self._page, headers, span)
        self._widget.outcomes["injected"] += 1
        if self._widget.settings.debug:
            headers.append(("X-Widgetmw", "injected"))
        _set(self._response, before, headers)
        return True

    def _filled(self, page: Page, headers: Headers, span: bytes) -> Headers:
        """Puts the span into the body; returns the headers with the length that it has now."""
        body, response = self._body, self._response
        if body is None:
            return without(headers, LENGTH)
        out = body.opened(span, self._ended)
        if not response.streaming:
            response.content = out
            return with_exact_length(headers, len(out))
        self._put(out, body if page.coding and not self._ended else None)
        return without(headers, LENGTH) if page.coding else headers

    def unresolved(self, error: ResolverError) -> bool:
        """Leaves it alone since it cannot be found out who is signed in."""
        self._widget.events.say("page", "resolver_failed", str(error))
        return self._leave("resolver_failed")

    def _leave(self, reason: str) -> bool:
        """Puts back what was drawn, and says why."""
        if self._body is not None and self._response.streaming:
            self._put(self._body.untouched(), None)
        self._widget.outcomes[reason] += 1
        if self._widget.settings.debug:
            self._response["X-Widgetmw"] = f"skipped; reason={reason}"
        return False

    def _fault(self, error: Exception) -> str:
        self._widget.events.say("page", "failed", cause(error))
        return "failed"

    def _put(self, first: bytes, body: Body | None) -> None:
        make: Any = _onwards_async if hasattr(self._rest, "__anext__") else _onwards
        self._response.streaming_content = make(first, self._rest, body)


def _onwards(first: bytes, rest: Iterator[bytes], body: Body | None) -> Iterable[bytes]:
    """What goes out of a stream: its start, then what becomes of each further piece."""
    if body is None:
        return chain((first,), rest)
    last = (body.passed(b"", True) for _ in range(1))
    return chain((first,), (body.passed(data, False) for data in rest), last)


async def _onwards_async(first: bytes, rest: AsyncIterator[bytes], body: Body | None) -> AsyncIterator[bytes]:
    yield first
    async for data in rest:
        yield data if body is None else body.passed(data, False)
    if body is not None:
        yield body.passed(b"", True)


def _set(response: Any, before: Headers, after: Headers) -> None:
    # Django's headers know no duplicates; its cookies are kept elsewhere
    for name in {name for name, _ in before} - {name for name, _ in after}:
        del response[name]
    for name, value in after:
        if response.get(name) != value:
            response[name] = value
