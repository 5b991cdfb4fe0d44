"""Handles a Django response: evaluates its headers, finds the insertion offset, injects the script.

Only our own errors are caught. Errors of the app's stream, which is read as far as finding the offset needs, propagate.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import HttpRequest
from django.http.response import ResponseHeaders
from django.urls import NoReverseMatch

from widgetmw.core.debug_headers import debug_headers
from widgetmw.core.engine import Engine
from widgetmw.core.html.body_rewriter import BodyRewriter
from widgetmw.core.html.head_scanner import NO_OFFSET, PENDING
from widgetmw.core.http.page import CONTENT_LENGTH, Page, note_session_cookie
from widgetmw.core.http.request_headers import PAGE_METHODS
from widgetmw.core.http.response_headers import with_exact_length, without
from widgetmw.core.identity.user import User
from widgetmw.core.reasons import SkipReason
from widgetmw.django.request import PageRequest, endpoint_prefix
from widgetmw.wsgi.responder import MARKER

_INJECTED: Final = "_widgetmw_injected"  # an attribute of a response with the script; Django's caches keep it


class Responder(PageRequest):
    """Handles the response to one request, which it is, too, as in the drivers.

    Call :meth:`starts`; then :meth:`search` or :meth:`search_async`; then :meth:`finish` with the result of
    :meth:`inject`. If one of the first two returns ``False``, the response stays unmodified.

    Attributes:
        response: to send. It is the app's own, unless the script is in it.
        started: when the user began to be resolved, by ``perf_counter``; ``None`` before that.
    """

    started: float | None = None

    _page: Page
    _body: BodyRewriter | None = None
    _rest: Any = ()
    _ended = False

    def __init__(self, engine: Engine, request: HttpRequest, response: Any) -> None:
        super().__init__(request)
        self._engine = engine
        self.response: Any = response

    def starts(self) -> bool:
        """Whether request and headers allow the script, before anything of the body is read."""
        engine, request, response = self._engine, self._request, self.response
        if hasattr(response, _INJECTED):
            return self._skip(SkipReason.ALREADY_INJECTED)
        if request.method not in PAGE_METHODS:
            return self._skip(SkipReason.METHOD)
        try:
            # Django keeps cookies apart from the headers. Some of them end a session.
            cookies = [("Set-Cookie", cookie.OutputString()) for cookie in response.cookies.values()]
            if cookies:
                note_session_cookie(settings.SESSION_COOKIE_NAME)
            page = engine.page_from_text(response.status_code, [*response.items(), *cookies])
            is_page = page is not SkipReason.NOT_HTML
            if is_page and (engine.is_excluded(request.path_info) or _is_in_admin(engine, request)):
                page = SkipReason.EXCLUDED
            if isinstance(page, SkipReason):
                return self._skip(page)
            if cookies:  # but not those that a view has set as a header
                page.headers = [header for header in page.headers if header not in cookies]
            self._page, self.root_path = page, endpoint_prefix()
            self.read_request_headers()
            reason = engine.early_skip_reason(self, page)
        except NoReverseMatch:
            reason = SkipReason.URLS_MISSING
        except Exception as error:
            reason = engine.page_failure(error)
        return reason is None or self._skip(reason)

    # the body

    def search(self) -> bool:
        """Finds the insertion offset; reads as much of a stream as that takes."""
        response = self.response
        if self._request.method == "HEAD" and (response.streaming or not response.content):
            return True  # Django's views answer HEAD as GET; a stream that the server drops is not worth reading
        self._ended = not response.streaming
        self._rest = iter(response if response.streaming else (response.content,))
        for data in self._rest:
            if (is_found := self._seek(data)) is not None:
                return is_found
        self._ended = True
        return bool(self._seek(b""))

    async def search_async(self) -> bool:
        """Like :meth:`search`, from an event loop."""
        if not self.response.streaming or self._request.method == "HEAD":
            return self.search()
        if not self.response.is_async:
            return await sync_to_async(self.search)()
        self._rest = aiter(self.response.streaming_content)
        async for data in self._rest:
            if (is_found := self._seek(data)) is not None:
                return is_found
        self._ended = True
        return bool(self._seek(b""))

    def _seek(self, data: bytes) -> bool | None:
        """Takes a chunk; returns whether it has the insertion offset, or ``None`` if more chunks are needed."""
        if self._body is None:
            page, marker = self._page, self._request.META.get(MARKER)
            self._body = BodyRewriter(page.charset_declared, page.coding, marker)
        try:
            offset = self._body.find_offset(data, self._ended)
        except Exception as error:
            return self._skip(self._engine.page_failure(error))
        if offset == NO_OFFSET:
            return self._skip(self._body.reason or SkipReason.INTERNAL_ERROR)
        if self._body.follows_foreign_base:
            self._page.note_foreign_base()
        return None if offset == PENDING else True

    # the result

    def inject(self, user: User | None) -> SkipReason | None:
        """Writes the script for the user, or returns the reason to skip the page."""
        check = self._engine.endpoint_check
        if check.checks_path and user is not None and settings.SESSION_COOKIE_NAME in self._request.COOKIES:
            check.warn_if_out_of_reach(settings.SESSION_COOKIE_PATH, endpoint_path=self.root_path)
        return self._engine.prepare_page(self, self._page, list(self.response.items()), user)

    def finish(self, result: SkipReason | None) -> None:
        """Inserts the script and sets the headers, if the user gets a script."""
        if result is not None:
            self._skip(result)
            return
        self.response = response = _copy(self.response)
        page, body = self._page, self._body
        headers, coding = page.headers, page.coding
        if body is None:
            headers = without(headers, CONTENT_LENGTH)
        elif response.streaming:
            self._replace_stream(body.insert(page.script, self._ended), body if coding and not self._ended else None)
            headers = without(headers, CONTENT_LENGTH) if coding else headers
        else:
            response.content = body.insert(page.script, True)
            headers = with_exact_length(headers, len(response.content))
        # Django's headers have no duplicates; it keeps cookies elsewhere.
        for name in dict(response.items()).keys() - dict(headers):
            del response[name]
        for name, value in headers:
            response[name] = value
        setattr(response, _INJECTED, True)
        self._record(None)

    def _skip(self, reason: SkipReason) -> bool:
        """Leaves the response unmodified: puts back what was read of its body."""
        if self._body is not None and self.response.streaming:
            self._replace_stream(self._body.original(), None)
        self._record(reason)
        return False

    def _record(self, reason: SkipReason | None) -> None:
        """Records what became of the response. The reason is ``None`` if it carries the script."""
        self._engine.record(self, reason)
        if self._engine.debug:
            for name, value in debug_headers(reason, self.started):
                # the app may have a Server-Timing of its own, and Django's headers have no duplicates
                theirs = self.response.get(name, "") if name == "Server-Timing" else ""
                self.response[name] = f"{theirs}, {value}" if theirs else value

    def _replace_stream(self, first: bytes, body: BodyRewriter | None) -> None:
        make: Any = _stream_async if hasattr(self._rest, "__anext__") else _stream
        self.response.streaming_content = make([first], self._rest, body)


def _is_in_admin(engine: Engine, request: HttpRequest) -> bool:
    """Whether the page belongs to Django's admin, which is not the site's own."""
    match = request.resolver_match
    return match is not None and "admin" in match.app_names and not engine.is_included(request.path_info)


def _copy(response: Any) -> Any:
    """Returns a response to modify: an app may keep its own, and return it to the next user, too."""
    copy = object.__new__(type(response))
    copy.__dict__.update(response.__dict__, headers=ResponseHeaders(response.headers))
    return copy


def _stream(first: list[bytes], rest: Iterator[bytes], body: BodyRewriter | None) -> Iterator[bytes]:
    """Yields the start of a stream, then each further chunk as ``body`` rewrites it.

    The start is taken out of its list: if the app's stream fails, error reporters record the variables here.
    """
    yield first.pop()
    for data in rest:
        yield data if body is None else body.rewrite(data, False)
    if body is not None:
        yield body.rewrite(b"", True)


async def _stream_async(
    first: list[bytes], rest: AsyncIterator[bytes], body: BodyRewriter | None
) -> AsyncIterator[bytes]:
    yield first.pop()
    async for data in rest:
        yield data if body is None else body.rewrite(data, False)
    if body is not None:
        yield body.rewrite(b"", True)
