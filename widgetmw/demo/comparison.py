"""Compares the response of the site with what the middleware made of it."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from werkzeug.datastructures import Headers

from widgetmw.core.reasons import SkipReason
from widgetmw.demo.pasted import charset

_CONTEXT = 900  # bytes of the page shown before and after the addition
_GZIP_OR_ZLIB = 47  # wbits


@dataclass(frozen=True, slots=True)
class Difference:
    """What the middleware added to a page.

    ``added`` was inserted at byte ``offset``, between ``before`` and ``after``. ``one_span`` is false if the
    page was changed in any other place too.
    """

    offset: int
    before: bytes
    added: bytes
    after: bytes
    one_span: bool


def difference(plain: bytes, served: bytes) -> Difference:
    """Returns what was added to ``plain`` to make ``served``."""
    if plain == served:
        return Difference(0, b"", b"", plain, True)
    start = _common_prefix_length(plain, served)
    added = max(len(served) - len(plain), 0)
    # If the addition and the rest of the page begin alike ("<script"), the common prefix is too long. Step back to
    # the start of the tag.
    while start and served[start : start + 1] != b"<" and served[start - 1] == served[start - 1 + added]:
        start -= 1
    one_span = served[:start] + served[start + added :] == plain
    return Difference(start, plain[:start], served[start : start + added], plain[start:], one_span)


@dataclass(frozen=True, slots=True)
class Reply:
    """A response as the server gets it. ``chunks`` holds no empty ones."""

    status: str
    headers: Headers
    chunks: tuple[bytes, ...]

    def body(self) -> bytes | None:
        """Returns the decoded body, or ``None`` if its coding is not known here or the data is damaged."""
        sent = b"".join(self.chunks)
        if self.headers.get("Content-Encoding", "identity") == "identity":
            return sent
        try:
            return zlib.decompress(sent, _GZIP_OR_ZLIB)
        except zlib.error:
            return None


def comparison(plain: Reply, served: Reply, notes: Iterable[SkipReason]) -> dict[str, object]:
    """Returns what a script of the demo shows of two responses.

    Args:
        plain: the response without the middleware.
        served: the response with it.
        notes: what it reported besides its decision.
    """
    return {
        "decision": _decision(served.headers),
        "notes": [_explained(reason) for reason in notes],
        "status": served.status,
        "chunks": {"before": len(plain.chunks), "after": len(served.chunks)},
        "sent": {"before": sum(map(len, plain.chunks)), "after": sum(map(len, served.chunks))},
        "headers": _headers(plain.headers, served.headers),
        "body": _body(plain, served),
    }


def _decision(headers: Headers) -> dict[str, str | None]:
    # the last one is ours: a pasted response may have such a header, too
    said = headers.getlist("X-Widgetmw")[-1]
    outcome, _, code = said.partition("; reason=")
    if not code:
        return {"outcome": outcome, "reason": None, "text": None, "remedy": None}
    return {"outcome": outcome, **_explained(SkipReason[code.upper()])}


def _explained(reason: SkipReason) -> dict[str, str]:
    return {"reason": reason.code, "text": reason.text, "remedy": reason.remedy}


def _headers(plain: Headers, served: Headers) -> list[dict[str, str | None]]:
    names = {name.lower(): name for name, _ in [*served, *plain]}
    return [{"name": name, "before": _value(plain, name), "after": _value(served, name)} for name in names.values()]


def _value(headers: Headers, name: str) -> str | None:
    return ", ".join(headers.getlist(name)) if name in headers else None


def _body(plain: Reply, served: Reply) -> dict[str, object] | None:
    before, after = plain.body(), served.body()
    if before is None or after is None:
        return None
    diff, encoding = difference(before, after), charset(plain.headers.get("Content-Type", ""))
    return {
        "offset": diff.offset,
        "bytes": len(before),
        "added": diff.added.decode("utf-8", "replace"),
        "before": diff.before[-_CONTEXT:].decode(encoding, "replace"),
        "after": diff.after[:_CONTEXT].decode(encoding, "replace"),
        "one_span": diff.one_span,
        "cut": {"before": diff.offset > _CONTEXT, "after": len(diff.after) > _CONTEXT},
    }


def _common_prefix_length(one: bytes, other: bytes) -> int:
    for index, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return index
    return min(len(one), len(other))
