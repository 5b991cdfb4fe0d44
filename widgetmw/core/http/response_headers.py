"""The headers of a page that carries our script. The app's own list is never changed in place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, AnyStr

from widgetmw.core.http.page import ETAG, LENGTH, MEANING, like, text

# of these, fetch delivery changes nothing: the page is the same for everybody
_BODY_DIGESTS = frozenset({"content-md5", "digest", "content-digest", "repr-digest", "accept-ranges"})
_MOST_DIGITS = 18  # of a length; Python refuses to read some thousands of them


def common(headers: Sequence[tuple[AnyStr, AnyStr]]) -> list[tuple[AnyStr, AnyStr]]:
    """Returns the headers for a page with a span that is the same for everybody.

    It stays cacheable. Digests of its bytes go; an ETag becomes weak, since the page is the same in meaning and
    no longer in bytes, and parts of it must not be put together with parts of the app's.
    """
    kept = []
    for name, value in headers:
        if text(name).strip().lower() in _BODY_DIGESTS:
            continue
        if MEANING[name] & ETAG and not text(value).strip().startswith("W/"):
            value = like(value, f"W/{text(value).strip()}")
        kept.append((name, value))
    return kept


def adjust_content_length(headers: list[tuple[Any, Any]], index: int, added: int) -> None:
    """Adds to the ``Content-Length`` at a place of the headers; a nonsense one goes."""
    name, value = headers[index]
    if not value.isdigit():
        value = value.strip()
    if not value.isdigit() or len(value) > _MOST_DIGITS or not value.isascii():
        del headers[index]
        return
    length = int(value) + added
    headers[index] = name, b"%d" % length if value.__class__ is bytes else str(length)


def with_exact_length(headers: list[tuple[AnyStr, AnyStr]], length: int) -> list[tuple[AnyStr, AnyStr]]:
    """Returns the headers with this ``Content-Length``, where there was one."""
    return [(name, like(value, str(length))) if MEANING[name] == LENGTH else (name, value) for name, value in headers]


def without(headers: Sequence[tuple[AnyStr, AnyStr]], meaning: int) -> list[tuple[AnyStr, AnyStr]]:
    """Returns the headers but those of one meaning."""
    return [pair for pair in headers if not MEANING[pair[0]] & meaning]
