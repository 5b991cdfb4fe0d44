"""What becomes of the headers of a page that gets our span.

As in :mod:`widgetmw.core.response` they may be of either kind. No list of the app's is ever changed in place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, AnyStr, TypeAlias

from widgetmw.core.response import CACHE, ETAG, LENGTH, MEANING, SHARED, STALE, VARY, Page, text

# of these, fetch delivery changes nothing: the page is the same for everybody
_BODY_DIGESTS = frozenset({"content-md5", "digest", "content-digest", "repr-digest", "accept-ranges"})
_MOST_DIGITS = 18  # of a length; Python refuses to read some thousands of them


Pick: TypeAlias = Callable[[Any], Iterable[Any]]


class _Recipe:
    """What becomes of the headers of a page that belongs to one person, for all pages alike.

    It is for those that :mod:`widgetmw.core.plain_headers` does not take, of which the ones with a policy are many.

    Attributes:
        added: what is added.
        length: place of the Content-Length in the result, or -1.
        pick: takes those that stay; ``None`` where all do.
    """

    __slots__ = ("added", "length", "pick")

    def __init__(self, places: Sequence[int], headers: Sequence[Any], added: Iterable[Any], length: int) -> None:
        self.added = tuple(added)
        self.length = length
        # for one place it would answer with the pair by itself
        pick: Pick = itemgetter(*places) if len(places) > 1 else itemgetter(slice(places[0], places[0] + 1))
        self.pick: Pick | None = pick if len(places) < len(headers) else None


def private(
    headers: Sequence[tuple[AnyStr, AnyStr]],
    page: Page,
    cache_control: str,
    added: int = 0,
    always: bool = False,
) -> list[tuple[AnyStr, AnyStr]]:
    """Returns the headers for a page that belongs to one person.

    Validators, digests and ages go, since they speak of other bytes, and so does what is said to caches at the edge;
    the cache directives become private, unless the app's own are stricter; ``Vary`` gains ``Cookie``.
    ``Content-Length`` counts the added bytes; a nonsense one goes.

    Args:
        headers: the app's.
        page: what they say.
        cache_control: the directives of the settings.
        added: bytes added to the body, 0 where the length is the caller's.
        always: whether these directives take the place of stricter ones, too.
    """
    recipe: _Recipe = page.recipes.get((cache_control, True) if always else cache_control) or _recipe(
        headers, page, cache_control, always
    )
    kept = list(headers) if recipe.pick is None else list(recipe.pick(headers))
    kept += recipe.added
    if added and recipe.length >= 0:
        lengthen(kept, recipe.length, added)
    return kept


def _recipe(headers: Sequence[tuple[Any, Any]], page: Page, cache_control: str, always: bool) -> _Recipe:
    keep = bool(page.bits & CACHE) and not always and stricter(page.cache, cache_control)
    drop = STALE | SHARED if keep else STALE | SHARED | CACHE
    places = [at for at, (name, _) in enumerate(headers) if not MEANING[name] & drop]
    own, varying = ours(headers[0][0].__class__, cache_control)
    added = [] if keep else [own]
    if not page.bits & VARY:
        added.append(varying)
    elif not page.varies:
        # a page is one page for all answers that vary alike
        vary = next(at for at in reversed(places) if MEANING[headers[at][0]] & VARY)
        places.remove(vary)
        added.append((headers[vary][0], with_cookie(headers[vary][1])))
    length = places.index(page.length) if page.length >= 0 else -1
    recipe = _Recipe(places, headers, added, length)
    page.recipes[(cache_control, True) if always else cache_control] = recipe
    return recipe


def stricter(own: frozenset[str], chosen: str) -> bool:
    """Whether the app's own directives leave caches less than the chosen ones would."""
    if "no-store" in own:
        return True
    return "no-store" not in chosen and own >= {"private", "no-cache"}


def like(model: AnyStr, value: str) -> AnyStr:
    """Returns a text as the kind that the model is of."""
    return value if isinstance(model, str) else value.encode("latin-1")


@lru_cache(maxsize=16)
def ours(kind: type, cache_control: str) -> tuple[Any, Any]:
    """Returns our ``Cache-Control`` and ``Vary``, as the kind that the app's headers are of."""
    if issubclass(kind, str):
        return ("Cache-Control", cache_control), ("Vary", "Cookie")
    return (b"cache-control", cache_control.encode("latin-1")), (b"vary", b"Cookie")  # ASGI wants lower case


def with_cookie(value: Any) -> Any:
    """Returns a ``Vary`` with the cookie behind what it names."""
    own = text(value)
    return like(value, f"{own}, Cookie" if own.strip() else "Cookie")


def common(headers: Sequence[tuple[AnyStr, AnyStr]], bits: int) -> list[tuple[AnyStr, AnyStr]]:
    """Returns the headers for a page with a span that is the same for everybody.

    It stays cacheable. Digests of its bytes go; an ETag becomes weak, since the page is the same in meaning and
    no longer in bytes, and parts of it must not be put together with parts of the app's.
    """
    if not bits & STALE:
        return list(headers)
    kept = []
    for name, value in headers:
        if text(name).strip().lower() in _BODY_DIGESTS:
            continue
        if MEANING[name] & ETAG and not text(value).strip().startswith("W/"):
            value = like(value, f"W/{text(value).strip()}")
        kept.append((name, value))
    return kept


def with_length(headers: Sequence[tuple[AnyStr, AnyStr]], page: Page, added: int) -> list[tuple[AnyStr, AnyStr]]:
    """Returns the app's headers with a ``Content-Length`` for added bytes; a nonsense one goes."""
    changed = list(headers)
    if page.length >= 0:
        lengthen(changed, page.length, added)
    return changed


def lengthen(headers: list[tuple[Any, Any]], at: int, added: int) -> None:
    """Adds to the ``Content-Length`` at a place of the headers; a nonsense one goes."""
    name, value = headers[at]
    if not value.isdigit() or len(value) > _MOST_DIGITS or not value.isascii():
        value = value.strip()
        if not value.isdigit() or len(value) > _MOST_DIGITS or not value.isascii():
            del headers[at]
            return
    total = int(value) + added
    headers[at] = name, b"%d" % total if value.__class__ is bytes else str(total)


def with_exact_length(headers: list[tuple[AnyStr, AnyStr]], length: int) -> list[tuple[AnyStr, AnyStr]]:
    """Returns the headers with this ``Content-Length``, where there was one."""
    return [(name, like(value, str(length))) if MEANING[name] == LENGTH else (name, value) for name, value in headers]


def without(headers: Sequence[tuple[AnyStr, AnyStr]], meaning: int) -> list[tuple[AnyStr, AnyStr]]:
    """Returns the headers but those of one meaning."""
    return [pair for pair in headers if not MEANING[pair[0]] & meaning]
