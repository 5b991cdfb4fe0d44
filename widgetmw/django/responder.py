"""Handles a Django response: evaluates its headers, finds the insertion offset, injects the script.

Only our own errors are caught. Errors of the app's stream, which is read as far as finding the offset needs, propagate.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from functools import partial
from itertools import chain
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch

from widgetmw.core.engine import Engine, PageRequest
from widgetmw.core.errors import ResolverError
from widgetmw.core.html.body_rewriter import BodyRewriter
from widgetmw.core.html.head_scanner import PENDING, REFUSED
from widgetmw.core.http.page import CONTENT_LENGTH, Page
from widgetmw.core.http.request_headers import PAGE_METHODS
from widgetmw.core.http.response_headers import with_exact_length, without
from widgetmw.core.identity.user import User
from widgetmw.core.reasons import SkipReason
from widgetmw.django.request import page_request
from widgetmw.wsgi.request import Headers
from widgetmw.wsgi.responder import MARKER_USED


class Responder:
    """Handles one response.

    Call :meth:`starts`; then :meth:`search` or :meth:`search_async`; then :meth:`finish`, or :meth:`fail` if the user
    cannot be resolved. If one of them returns ``False``, the response stays unmodified.
    """

    def __init__(self, engine: Engine, request: HttpRequest, response: Any) -> None:
        self._engine = engine
        self._request = request
        self._response = response
        self._page: Page | None = None
        self._page_request: PageRequest | None = None
        self._body: BodyRewriter | None = None
        self._offset = PENDING
        self._rest: Any = ()
        self._ended = False

    # the headers

    def starts(self) -> bool:
        """Whether request and headers allow the script, before anything of the body is read."""
        try:
            reason = self._evaluate()
        except NoReverseMatch:
            message = "urls.py does not include widgetmw.django.urls"
            self._engine.events.warn_once("page", SkipReason.INTERNAL_ERROR.code, message)
            reason = SkipReason.INTERNAL_ERROR
        except Exception as error:
            reason = self._engine.page_failure(error)
        return True if reason is None else self._skip(reason)

    def _evaluate(self) -> SkipReason | None:
        if self._request.method not in PAGE_METHODS:
            return SkipReason.METHOD
        page = self._engine.page_from_text(self._response.status_code, list(self._response.items()))
        if isinstance(page, SkipReason):
            return page
        if self._engine.is_excluded(self._request.path_info):
            return SkipReason.EXCLUDED
        self._page, self._page_request = page, page_request(self._request)
        return self._engine.refusal_reason(self._page_request, page)

    # the body

    @property
    def _has_no_body(self) -> bool:
        # Django's views answer HEAD as GET, and the server drops the body. A stream is not worth reading for that.
        return self._request.method == "HEAD" and (self._response.streaming or not self._response.content)

    def search(self) -> bool:
        """Finds the insertion offset; reads as much of a stream as that takes."""
        if self._has_no_body:
            return True
        self._ended = not self._response.streaming
        self._rest = iter((self._response.content,) if self._ended else self._response)
        for data in self._rest:
            if self._seek(data) != PENDING:
                break
        return self._has_offset()

    async def search_async(self) -> bool:
        """Like :meth:`search`, for an asynchronous stream."""
        if self._has_no_body:
            return True
        self._rest = aiter(self._response.streaming_content)
        async for data in self._rest:
            if self._seek(data) != PENDING:
                break
        return self._has_offset()

    def _seek(self, data: bytes) -> int:
        page = self._page
        assert page is not None
        if self._body is None:
            fast_offset = partial(self._engine.insertion_offset, "")
            self._body = BodyRewriter(
                page.charset_declared, page.coding, MARKER_USED in self._request.META, fast_offset
            )
        try:
            self._offset = self._body.find_offset(data, self._ended)
        except Exception as error:
            self._body.reason = self._engine.page_failure(error)
            self._offset = REFUSED
        return self._offset

    def _has_offset(self) -> bool:
        if self._offset == PENDING:
            self._ended = True
            self._seek(b"")
        assert self._body is not None
        return self._skip(self._body.reason or SkipReason.INTERNAL_ERROR) if self._offset == REFUSED else True

    # the result

    def finish(self, user: User | None) -> bool:
        """Injects the script and sets the headers, if the user gets a script."""
        assert self._page is not None
        assert self._page_request is not None
        before = list(self._response.items())
        try:
            result = self._engine.inject(self._page_request, self._page, before, user)
        except Exception as error:
            result = self._engine.page_failure(error)
        if isinstance(result, SkipReason):
            return self._skip(result)
        headers, script = result
        headers = self._insert(self._page, headers, script)
        self._engine.outcomes["injected"] += 1
        if self._engine.debug:
            headers.append(("X-Widgetmw", "injected"))
        _set_headers(self._response, before, headers)
        return True

    def _insert(self, page: Page, headers: Headers, script: bytes) -> Headers:
        """Inserts the script into the body; returns the headers with the body's new length."""
        body, response = self._body, self._response
        if body is None:
            return without(headers, CONTENT_LENGTH)
        out = body.insert(script, self._ended)
        if not response.streaming:
            response.content = out
            return with_exact_length(headers, len(out))
        self._replace_stream(out, body if page.coding and not self._ended else None)
        return without(headers, CONTENT_LENGTH) if page.coding else headers

    def fail(self, error: ResolverError) -> bool:
        """Leaves the response unmodified because the user cannot be resolved."""
        return self._skip(self._engine.page_failure(error))

    def _skip(self, reason: SkipReason) -> bool:
        """Puts back what was read of the body, and counts the reason."""
        if self._body is not None and self._response.streaming:
            self._replace_stream(self._body.original(), None)
        self._engine.outcomes[reason.code] += 1
        if self._engine.debug:
            self._response["X-Widgetmw"] = f"skipped; reason={reason.code}"
        return False

    def _replace_stream(self, first: bytes, body: BodyRewriter | None) -> None:
        make: Any = _stream_async if hasattr(self._rest, "__anext__") else _stream
        self._response.streaming_content = make(first, self._rest, body)


def _stream(first: bytes, rest: Iterator[bytes], body: BodyRewriter | None) -> Iterable[bytes]:
    """Yields the start of a stream, then each further chunk as ``body`` rewrites it."""
    if body is None:
        return chain((first,), rest)
    last = (body.rewrite(b"", True) for _ in range(1))
    return chain((first,), (body.rewrite(data, False) for data in rest), last)


async def _stream_async(first: bytes, rest: AsyncIterator[bytes], body: BodyRewriter | None) -> AsyncIterator[bytes]:
    yield first
    async for data in rest:
        yield data if body is None else body.rewrite(data, False)
    if body is not None:
        yield body.rewrite(b"", True)


def _set_headers(response: Any, before: Headers, after: Headers) -> None:
    # Django's headers have no duplicates; it keeps cookies elsewhere.
    for name in {name for name, _ in before} - {name for name, _ in after}:
        del response[name]
    for name, value in after:
        if response.get(name) != value:
            response[name] = value
