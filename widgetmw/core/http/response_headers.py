"""Reads and rewrites response headers in one pass. The app's own list is never changed in place.

Both drivers pass header pairs of their own type: ``bytes`` for ASGI, ``str`` for WSGI.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, AnyStr, Final

from widgetmw.core.html.meta_charset import is_charset_label
from widgetmw.core.http.page import (
    BODY_DIGEST,
    CACHE_CONTROL,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    EDGE_CACHE_CONTROL,
    ETAG,
    HEADER_FLAGS,
    SET_COOKIE,
    VALIDATOR,
    VARY,
    Page,
    directives,
    ended_session,
    header_text,
    is_stricter,
    needs_evaluation,
)
from widgetmw.core.memo import Memo
from widgetmw.core.reasons import SkipReason

# In these encodings, ASCII bytes mean something else, or their meaning depends on what came before.
_NOT_ASCII_COMPATIBLE = re.compile(
    r"utf-?(16|32|7)|ucs-?[24]|iso-10646|iso-?2022|csiso2022|hz-gb|unicode(?!-1-1-utf-8)|csunicode|replacement"
)
_STATUSES_WITHOUT_PAGE = frozenset({204, 205, 206})
_MAX_LENGTH_DIGITS = 18  # Python refuses to parse a few thousand digits


def _content_type(value: Any) -> bool | SkipReason:
    # Imported here: it costs 20 ms, and an app has few Content-Types.
    from werkzeug.http import parse_options_header

    text = header_text(value)
    media_type, parameters = parse_options_header(text)
    if media_type.strip().lower() != "text/html" or "," in text.partition(";")[0]:
        return SkipReason.NOT_HTML
    charset = parameters.get("charset", "").strip().lower()
    if _NOT_ASCII_COMPATIBLE.match(charset):
        return SkipReason.ENCODING
    # Browsers ignore a label that they do not know, and look into the page.
    return is_charset_label(charset)


CONTENT_TYPES: Final = Memo(_content_type)
"""By Content-Type: whether it declares the charset of a page, or the reason to skip the response."""


class ResponseHeaders:
    """Reads the headers of responses, ``bytes`` or ``str``, and makes those of pages private.

    With ``override``, the given ``Cache-Control`` also replaces a stricter one of the app.
    """

    def __init__(self, header_type: type, cache_control: str, override: bool = False) -> None:
        cache_control = add_private(cache_control)
        self._cache_control: tuple[Any, Any] = "Cache-Control", cache_control
        self._vary: tuple[Any, Any] = "Vary", "Cookie"
        if header_type is bytes:  # ASGI wants lower case
            self._cache_control = b"cache-control", cache_control.encode("latin-1")
            self._vary = b"vary", b"Cookie"
        self._own_if_stricter = Memo(lambda own: not override and stricter_cache_control(own, cache_control))
        self._needs_evaluation = Memo(needs_evaluation)
        self._with_cookie = Memo(vary_on_cookie)

    def read(self, status: int, headers: list[tuple[Any, Any]]) -> Page | SkipReason:
        """Returns the page, or the reason to skip the response.

        This is one long loop because it runs for every response: most leave it at their Content-Type.
        """
        charset_declared = rare = vary_index = cache_control = None
        kept: list[tuple[Any, Any]] = []
        varies_on_cookie = False
        length_index = -1
        for header in headers:
            flags = HEADER_FLAGS[header[0]]
            if flags:
                if flags == CONTENT_TYPE:
                    if charset_declared is not None:
                        return SkipReason.AMBIGUOUS
                    charset_declared = CONTENT_TYPES[header[1]]
                    if type(charset_declared) is SkipReason:
                        return charset_declared
                elif flags == CONTENT_LENGTH:
                    if length_index >= 0:
                        return SkipReason.AMBIGUOUS
                    length_index = len(kept)
                elif flags & VALIDATOR:
                    continue
                elif flags == VARY:
                    vary_index = len(kept)
                    varies_on_cookie = varies_on_cookie or self._with_cookie[header[1]] is None
                elif flags == SET_COOKIE and not ended_session(header[1]):
                    pass  # an ordinary cookie is kept, and affects nothing
                elif flags == CACHE_CONTROL and not self._needs_evaluation[header[1]]:
                    if cache_control is not None:
                        return self.read(status, _join_cache_control(headers))
                    cache_control = self._own_if_stricter[header[1]]
                    if not cache_control:
                        continue
                    header = header[0], cache_control
                else:
                    rare = rare or []
                    rare.append((flags, header[1]))
                    if flags & (EDGE_CACHE_CONTROL | CACHE_CONTROL):
                        continue
            kept.append(header)
        if charset_declared is None:
            return SkipReason.NOT_HTML
        if status != 200 and (status < 200 or status in _STATUSES_WITHOUT_PAGE or 300 <= status < 400):
            return SkipReason.STATUS
        if not cache_control:
            kept.append(self._cache_control)
        if vary_index is None:
            kept.append(self._vary)
        elif not varies_on_cookie:
            name, value = kept[vary_index]
            kept[vary_index] = name, self._with_cookie[value]
        page = Page()
        page.headers, page.length_index = kept, length_index
        page.charset_declared, page.coding = charset_declared, ""
        page.rare_headers = page.no_token_reason = None
        return page if rare is None else page.evaluate(rare)


def _join_cache_control(headers: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Returns the headers with one ``Cache-Control``, in the place of the first."""
    indexes = [index for index, (name, _) in enumerate(headers) if HEADER_FLAGS[name] == CACHE_CONTROL]
    name, model = headers[indexes[0]]
    value = ", ".join(header_text(headers[index][1]) for index in indexes)
    joined = without(headers, CACHE_CONTROL)
    joined.insert(indexes[0], (name, encode_as(model, value)))
    return joined


def stricter_cache_control(own: Any, configured: str) -> Any:
    """Returns the app's own ``Cache-Control`` with ``private``; ``False`` unless it is stricter than the configured."""
    text = header_text(own)
    return is_stricter(directives(text), configured) and encode_as(own, add_private(text))


def add_private(cache_control: str) -> str:
    """Returns the value with ``private``, which is all that some caches honour, such as that of Django 5.2.0."""
    return cache_control if "private" in directives(cache_control) else f"{cache_control}, private"


def vary_on_cookie(value: Any) -> Any:
    """Returns a ``Vary`` value with the cookie added; ``None`` if it names the cookie or everything already."""
    text = header_text(value)
    if not {name.strip().lower() for name in text.split(",")}.isdisjoint({"cookie", "*"}):
        return None
    return encode_as(value, f"{text}, Cookie" if text.strip() else "Cookie")


def encode_as(model: Any, value: str) -> Any:
    """Returns a text in the type of the model, ``bytes`` or ``str``."""
    return value if isinstance(model, str) else value.encode("latin-1")


def keep_cacheable(headers: Sequence[tuple[AnyStr, AnyStr]]) -> list[tuple[AnyStr, AnyStr]]:
    """Returns the headers for a page with a script that is the same for everybody.

    The page stays cacheable. Digests of its bytes are left out. An ETag becomes weak: the page has the same meaning
    but other bytes, and its parts must not be combined with parts of the app's page.
    """
    kept = []
    for name, value in headers:
        flags = HEADER_FLAGS[name]
        if flags & BODY_DIGEST:
            continue
        if flags & ETAG and not header_text(value).strip().startswith("W/"):
            value = encode_as(value, f"W/{header_text(value).strip()}")
        kept.append((name, value))
    return kept


def adjust_content_length(headers: list[tuple[Any, Any]], index: int, added: int) -> None:
    """Adds to the ``Content-Length`` at an index; removes one that is not a number."""
    name, value = headers[index]
    value = value.strip()
    if not value.isdigit() or len(value) > _MAX_LENGTH_DIGITS or not value.isascii():
        del headers[index]
        return
    length = int(value) + added
    headers[index] = name, b"%d" % length if value.__class__ is bytes else str(length)


def with_exact_length(headers: list[tuple[AnyStr, AnyStr]], length: int) -> list[tuple[AnyStr, AnyStr]]:
    """Returns the headers with this ``Content-Length``, if they have one."""
    return [
        (name, encode_as(value, str(length)) if HEADER_FLAGS[name] == CONTENT_LENGTH else value)
        for name, value in headers
    ]


def without(headers: Sequence[tuple[AnyStr, AnyStr]], flags: int) -> list[tuple[AnyStr, AnyStr]]:
    """Returns the headers except those with any of these flags."""
    return [header for header in headers if not HEADER_FLAGS[header[0]] & flags]
