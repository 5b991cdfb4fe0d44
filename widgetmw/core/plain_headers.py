"""The headers of most pages, made private in one pass, for a page that belongs to one person.

What :mod:`widgetmw.core.response` and :func:`widgetmw.core.headers.private` say of them is the rule. This comes to the
same for headers of which nothing keeps a token out of a page, and says ``None`` of all others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from widgetmw.core.headers import ours, stricter, with_cookie
from widgetmw.core.response import (
    CACHE,
    LENGTH,
    MEANING,
    STALE,
    TYPE,
    VARY,
    directives,
    text,
    varies,
)

Kept: TypeAlias = tuple[list[tuple[Any, Any]], int]
"""The headers with ours, and the place of the Content-Length among them, or -1."""

_MOST_LEARNT: Final = 512


class PlainHeaders:
    """Makes the headers of pages private.

    Args:
        cache_control: the directives of the settings.
        kind: what names and values are, ``bytes`` or ``str``.
    """

    def __init__(self, cache_control: str, kind: type) -> None:
        self._chosen = cache_control
        self._ours, self._varying = ours(kind, cache_control)
        # what was learnt of names, and of values of which an app has few
        self._meanings: dict[Any, int] = {}
        self._caches: dict[Any, bool | None] = {}
        self._varies: dict[Any, Any] = {}

    def private(self, headers: Sequence[tuple[Any, Any]]) -> Kept | None:
        """Returns the headers, with the app's length; ``None`` where it takes a closer look.

        Args:
            headers: of a page whose charset is named. Strange ones may raise anything.
        """
        kept: list[tuple[Any, Any]] = []
        seen, length = 0, -1
        cache_control, vary = self._ours, self._varying
        meanings = self._meanings
        try:
            for pair in headers:
                meaning = meanings[pair[0]]
                if not meaning:
                    kept.append(pair)
                    continue
                if seen & meaning and not meaning & STALE:
                    return None
                seen |= meaning
                if meaning == TYPE:
                    kept.append(pair)
                elif meaning == LENGTH:
                    length = len(kept)
                    kept.append(pair)
                elif meaning == CACHE:
                    stays = self._caches[pair[1]]
                    if stays is None:
                        return None
                    if stays:
                        kept.append(pair)
                        cache_control = None
                elif meaning == VARY:
                    longer = self._varies[pair[1]]
                    if longer is None:
                        kept.append(pair)
                    vary = None if longer is None else (pair[0], longer)
                elif not meaning & STALE:
                    return None
        except KeyError:
            self._learn(headers)
            return self.private(headers)
        if cache_control is not None:
            kept.append(cache_control)
        if vary is not None:
            kept.append(vary)
        return kept, length

    def _learn(self, headers: Sequence[tuple[Any, Any]]) -> None:
        for known in (self._meanings, self._caches, self._varies):
            if len(known) >= _MOST_LEARNT:
                known.clear()
        for name, value in headers:
            meaning = self._meanings[name] = MEANING[name]
            if meaning == CACHE:
                self._caches[value] = self._stays(value)
            elif meaning == VARY:
                self._varies[value] = None if varies(text(value)) else with_cookie(value)

    def _stays(self, value: Any) -> bool | None:
        """Whether the app's directives stay; ``None``: they may keep a token out."""
        own = directives(text(value))
        return None if own & {"no-transform", "public", "s-maxage"} else stricter(own, self._chosen)
